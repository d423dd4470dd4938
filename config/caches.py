"""Where Django's cache lives: in Redis, or in each process by itself."""

from typing import Any

from redis.backoff import NoBackoff
from redis.retry import Retry

from base.redis_link import TIMEOUT_SECONDS


def cache_at(redis_url: str) -> dict[str, Any]:
    """Return the settings of Django's cache; without an address each process has its own.

    A Redis that is away makes nothing fail: reads find nothing, writes are lost. redis-py would try again for
    seconds; the breaker in base/redis_link.py decides when instead.
    """
    if not redis_url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": redis_url,
        "KEY_PREFIX": "draftline",
        "OPTIONS": {
            "REDIS_CLIENT_CLASS": "base.redis_link.GuardedRedis",
            "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
            "IGNORE_EXCEPTIONS": True,
            "SOCKET_CONNECT_TIMEOUT": TIMEOUT_SECONDS,
            "SOCKET_TIMEOUT": TIMEOUT_SECONDS,
            "CONNECTION_POOL_KWARGS": {"retry": Retry(NoBackoff(), 0)},
        },
    }
