"""The one way to Redis: short time-outs, and a breaker that leaves a Redis that is away alone for a while.

Redis holds only what may vanish at any moment; the database is the truth. So whoever asks says what holds otherwise:
where Redis is not configured, away or slow, that is the answer, after half a second at most and mostly at once.

Safe over a fork: redis-py's pool sees that it is in another process and opens connections of its own.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django_redis import get_redis_connection
from redis import Redis
from redis.exceptions import ConnectionError, NoScriptError, RedisError

# Before every key and channel. Installations that share a server need a database number each.
PREFIX = "draftline:"
# A Redis that takes longer is taken for one that is away: the database would answer sooner.
TIMEOUT_SECONDS = 0.5
LEAVE_ALONE_SECONDS = 2.0

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Breaker:
    """Remembers for this process whether Redis is away. While it is, one question each two seconds goes through.

    Without a lock, for a fork could copy it taken: two threads that ask at the same moment do no harm.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._is_away = False
        self._ask_again_at = 0.0

    def lets_through(self) -> bool:
        """Tell whether Redis may be asked now."""
        if not self._is_away:
            return True
        now = self._clock()
        if now < self._ask_again_at:
            return False
        self._ask_again_at = now + LEAVE_ALONE_SECONDS
        return True

    def note_failure(self, exc: Exception) -> None:
        if not self._is_away:
            logger.warning("redis_away reason=%s", exc)
        self._is_away = True
        self._ask_again_at = self._clock() + LEAVE_ALONE_SECONDS

    def note_answer(self) -> None:
        if self._is_away:
            logger.warning("redis_back")
        self._is_away = False


breaker = Breaker()


class GuardedRedis(Redis):
    """A client behind the breaker; settings give it to django-redis, so that every use goes through here."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if not breaker.lets_through():
            raise ConnectionError("Redis was away a moment ago; it is asked again soon.")
        try:
            answer = super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except NoScriptError:  # an answer: redis-py sends the script then
            raise
        except RedisError as exc:
            breaker.note_failure(exc)
            raise
        breaker.note_answer()
        return answer


def ask(question: Callable[[Redis], T], otherwise: T) -> T:
    """Return what Redis answers; ``otherwise`` where it is not configured or does not answer."""
    if not settings.REDIS_URL:
        return otherwise
    try:
        return question(get_redis_connection())
    except RedisError:  # the breaker has logged it
        return otherwise
