"""Looks at Redis, where one is configured: the queue, the cache and what workers share go through it."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from redis import Redis

from config.store.facts import Fact, address_without_password, note, problem, short

ANSWER_SECONDS = 5.0


def redis_facts() -> Iterator[Fact]:
    """Yield what there is to say of Redis."""
    if not settings.REDIS_URL:
        yield Fact("redis", "Not configured: the database has the queue, and each process a cache of its own")
        return
    yield Fact("redis", f"Redis at {address_without_password(settings.REDIS_URL)}")
    try:
        yield from _about(_info())
    except Exception as exc:  # whatever the client raises, the answer is the same
        yield problem("redis", f"It does not answer: {short(exc)}", "Start it, or mend REDIS_URL.")


def _info() -> dict[str, Any]:
    options = {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": ANSWER_SECONDS}
    with Redis.from_url(settings.REDIS_URL, **options) as client:
        info: dict[str, Any] = client.info()
    return info


def _about(info: dict[str, Any]) -> Iterator[Fact]:
    name = "Valkey" if "valkey_version" in info else "Redis"
    yield Fact("redis version", f"{name} {info.get('valkey_version', info.get('redis_version', 'unknown'))}")
    yield _role(info)
    yield _eviction(info)
    yield _persistence(info)


def _role(info: dict[str, Any]) -> Fact:
    if info.get("cluster_enabled"):
        return problem("redis role", "It is a Redis Cluster", "Give Draftline a single one; see docs/scaling.md.")
    if info.get("role", "master") == "master":
        return Fact("redis role", "It can be written to")
    return problem("redis role", "It is a replica, which takes no writes", "Name the primary in REDIS_URL.")


def _eviction(info: dict[str, Any]) -> Fact:
    policy, limit = info.get("maxmemory_policy", "noeviction"), info.get("maxmemory", 0)
    if policy == "noeviction":
        return Fact("redis memory", "What does not fit is refused, and nothing is thrown away (noeviction)")
    bound = f"above {limit / 2**20:.0f} MiB" if limit else "as soon as it has a limit"
    return note(
        "redis memory",
        f"The policy {policy} throws keys away {bound}, the queue among them",
        "Set maxmemory-policy noeviction. No context is lost either way: the sweep rings again.",
    )


def _persistence(info: dict[str, Any]) -> Fact:
    if info.get("aof_enabled"):
        return Fact("redis disk", "It writes its commands to the disk (appendonly)")
    return note(
        "redis disk",
        "It keeps snapshots at most, and forgets the rest when it is killed",
        "That costs no context: the queue only rings. Set appendonly yes to keep the queue too.",
    )
