"""What each worker says of itself in Redis, beside its row: what it does, how much it has, when it said so.

For people who watch, and for monitors of their own. Leases rest on the row's count alone: a key may vanish at any
moment, and then the row says what it can.
"""

import os
import socket
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import orjson

from base import clock
from base.clock import to_iso
from base.redis_link import PREFIX, ask

KEPT_SECONDS = 60


class Doing(StrEnum):
    """What a live worker does."""

    CLAIMING = "claiming"
    FINISHING = "finishing"


def vital_signs_note(worker: str, doing: Doing, *, in_flight: int) -> None:
    """Say that a worker lives. JSON: ``{host, pid, status, in_flight, last_seen}``."""
    signs = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "status": doing,
        "in_flight": in_flight,
        "last_seen": to_iso(clock.now()),
    }
    ask(lambda redis: redis.set(_key(worker), orjson.dumps(signs), ex=KEPT_SECONDS), None)


def vital_signs_remove(worker: str) -> None:
    """Say that a worker is gone."""
    ask(lambda redis: redis.delete(_key(worker)), 0)


def vital_signs_of(workers: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return what those workers said last; nothing of those that were not heard of for a minute."""
    if not workers:
        return {}
    found: list[Any] = ask(lambda redis: redis.mget([_key(worker) for worker in workers]), [])
    return {worker: orjson.loads(signs) for worker, signs in zip(workers, found, strict=False) if signs}


def _key(worker: str) -> str:
    return f"{PREFIX}worker_heartbeat:{worker}"
