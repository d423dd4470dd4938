"""The doorbell's wire: whoever makes work says so on a channel of Redis, and every drain that claims hears it.

A message says nothing but "look". One that gets lost costs half a second, for the database is looked at that often
even while messages come (an owner must notice within half a second that its context was cancelled), and four times a
second while Redis is away. On SQLite none of this is used: there the database itself can be heard.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.db import connection
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.exceptions import RedisError

from base.redis_link import PREFIX, TIMEOUT_SECONDS, ask

# Who claims hears the one; who waits for a context's progress, in a web process, hears the other.
DOORBELL = "doorbell"
CHANGES = "changes"
POLL_SECONDS = 0.25
POLL_WHILE_TOLD_SECONDS = 0.5
# However many messages come: one look finds all that they were for.
LOOK_AT_MOST_EVERY_SECONDS = 0.015
PING_SECONDS = 0.5
CONNECT_AGAIN_SECONDS = 1.0
CANCEL_AGAIN_SECONDS = 0.1

logger = logging.getLogger(__name__)


def is_heard_by_redis() -> bool:
    """Tell whether drains listen to Redis here."""
    return bool(settings.REDIS_URL) and connection.vendor != "sqlite"


def channel(name: str = DOORBELL) -> str:
    """Return a channel's full name. All databases of a server share their channels, so the number is part of it."""
    number: int = parse_url(settings.REDIS_URL).get("db", 0)  # type: ignore[no-untyped-call]
    return f"{PREFIX}{name}:{number}"


def tell_listeners() -> bool:
    """Tell every drain that listens to Redis to look. True where somebody heard it."""
    return is_heard_by_redis() and ask(lambda redis: int(redis.publish(channel(), b"")), 0) > 0


def tell_watchers() -> None:
    """Tell every web process that listens to Redis that contexts have changed."""
    if is_heard_by_redis():
        ask(lambda redis: int(redis.publish(channel(CHANGES), b"")), 0)


class RedisListener:
    """Hears a channel; subscribes again whenever the connection breaks. Lives on the loop that made it."""

    def __init__(self, wake: Callable[[], None], name: str = DOORBELL) -> None:
        self._wake = wake
        self._name = name
        self._is_told = False
        self._has_message = False
        self._looked_at = 0.0
        self._task = asyncio.create_task(self._listen(), name="doorbell")

    @property
    def look_seconds(self) -> float:
        if self._has_message:
            return LOOK_AT_MOST_EVERY_SECONDS
        return POLL_WHILE_TOLD_SECONDS if self._is_told else POLL_SECONDS

    def has_news(self) -> bool:
        now = time.monotonic()
        if now - self._looked_at < self.look_seconds:
            return False
        self._looked_at, self._has_message = now, False
        return True

    async def aclose(self) -> None:
        """Stop listening. An error while the connection is closed takes a cancellation's place: it is said again."""
        while not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CANCEL_AGAIN_SECONDS)
        await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except (RedisError, OSError) as exc:
                if self._is_told:
                    logger.warning("doorbell_deaf reason=%s", exc)
                self._is_told = False
            await asyncio.sleep(CONNECT_AGAIN_SECONDS)

    async def _hear(self) -> None:
        """Listen until the connection breaks.

        Raises:
            RedisError, OSError: it did, or Redis no longer answers.
        """
        redis = Redis.from_url(
            settings.REDIS_URL,
            socket_connect_timeout=TIMEOUT_SECONDS,
            socket_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        async with redis, redis.pubsub() as pubsub:
            await pubsub.subscribe(channel(self._name))
            while True:
                self._note(await self._next(pubsub))

    async def _next(self, pubsub: PubSub) -> str:
        """Return the kind of the next message. A silent Redis is asked whether it is still there."""
        message = await pubsub.get_message(timeout=PING_SECONDS)
        if message is None:
            await pubsub.ping()
            message = await pubsub.get_message(timeout=PING_SECONDS)
        if message is None:
            raise TimeoutError("Redis does not answer.")
        return str(message["type"])

    def _note(self, kind: str) -> None:
        """Wake the owner, also where the channel was just subscribed to: what was said before went unheard."""
        if kind == "pong":
            return
        self._is_told = self._has_message = True
        self._wake()
