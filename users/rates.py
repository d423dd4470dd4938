"""How often a key may ask: at most so many requests in any window, however many come at once.

A window is counted in slices, so that a count stays small whatever the rate is. A slice counts until all of it is older
than the window: never too much is let through, and a request may count a sixtieth of the window too long.

Redis counts for all processes, in one script: what is read and what is written belong together there. Without Redis,
and while it is away, each process counts by itself, under a lock.
"""

import math
import re
import threading
import time
from dataclasses import dataclass
from typing import Any

from redis import Redis

from base.redis_link import PREFIX, ask

RATE_PATTERN = re.compile(r"([1-9]\d{0,8})/(sec|min|hour|day)", re.ASCII)
SECONDS = {"sec": 1, "min": 60, "hour": 3600, "day": 86_400}
SLICES = 60
MICROSECONDS = 1_000_000

# Returns whether the request is let through, how many count, and when there are more, in microseconds.
_SCRIPT = """
local quota, length, kept = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local slice = math.floor(now / length)
local used, oldest = 0, slice
local found = redis.call('HGETALL', KEYS[1])
for i = 1, #found, 2 do
    local at = tonumber(found[i])
    if at < slice - kept then
        redis.call('HDEL', KEYS[1], found[i])
    else
        used = used + found[i + 1]
        oldest = math.min(oldest, at)
    end
end
local more_in = (oldest + kept + 1) * length - now
if used >= quota then
    return {0, used, more_in}
end
redis.call('HINCRBY', KEYS[1], string.format('%.0f', slice), 1)
redis.call('PEXPIRE', KEYS[1], math.ceil(length * (kept + 1) / 1000))
return {1, used + 1, more_in}
"""


@dataclass(frozen=True)
class Rate:
    """So many requests in so many seconds."""

    quota: int
    window_seconds: int

    @property
    def slice_microseconds(self) -> int:
        return self.window_seconds * MICROSECONDS // SLICES


@dataclass(frozen=True)
class Count:
    """What became of a request.

    Args:
        left: how many more may come now.
        more_in_seconds: when the oldest that counts no longer does.
    """

    is_let_through: bool
    left: int
    more_in_seconds: int


def rate_of(text: str) -> Rate:
    """Read a rate such as ``100/min``.

    Raises:
        ValueError: it is none.
    """
    found = RATE_PATTERN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no rate")
    return Rate(int(found[1]), SECONDS[found[2]])


def request_count(key_id: str, rate: Rate) -> Count:
    """Count a request of a key, unless it is one too many."""
    # slices of another length cannot be added up
    name = f"key_rate:{key_id}:{rate.window_seconds}"
    answer = ask(lambda redis: _in_redis(redis, name, rate), None) or in_this_process.take(name, rate)
    is_let_through, used, more_in = answer
    return Count(bool(is_let_through), max(0, rate.quota - used), max(1, math.ceil(more_in / MICROSECONDS)))


def _in_redis(redis: Redis, name: str, rate: Rate) -> tuple[int, int, int]:
    answer: Any = redis.eval(_SCRIPT, 1, PREFIX + name, rate.quota, rate.slice_microseconds, SLICES)
    return answer[0], answer[1], answer[2]


class ProcessCounts:
    """The same, in the memory of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slices: dict[str, dict[int, int]] = {}

    def take(self, name: str, rate: Rate) -> tuple[int, int, int]:
        """Return what the script returns."""
        length = rate.slice_microseconds
        with self._lock:
            now = time.monotonic_ns() // 1000
            current = now // length
            slices = {at: used for at, used in self._slices.get(name, {}).items() if at >= current - SLICES}
            used = sum(slices.values())
            if is_let_through := used < rate.quota:
                slices[current] = slices.get(current, 0) + 1
            self._slices[name] = slices
        more_in = (min(slices) + SLICES + 1) * length - now
        return int(is_let_through), used + is_let_through, more_in


in_this_process = ProcessCounts()
