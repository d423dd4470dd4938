"""Where Django's cache lives: in Redis, or in each process by itself."""

from dataclasses import asdict, is_dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django_redis.serializers.json import JSONSerializer
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
            "SERIALIZER": "config.caches.JsonWithRecords",
            "IGNORE_EXCEPTIONS": True,
            "SOCKET_CONNECT_TIMEOUT": TIMEOUT_SECONDS,
            "SOCKET_TIMEOUT": TIMEOUT_SECONDS,
            "CONNECTION_POOL_KWARGS": {"retry": Retry(NoBackoff(), 0)},
        },
    }


class RecordsToo(DjangoJSONEncoder):
    """Writes a dataclass as its fields. The admin's search keeps such results; its templates read either alike."""

    def default(self, o: Any) -> Any:
        return asdict(o) if is_dataclass(o) and not isinstance(o, type) else super().default(o)


class JsonWithRecords(JSONSerializer):
    """What the cache holds in Redis: JSON, which nobody who writes there can make into code, as a pickle would be."""

    encoder_class = RecordsToo
