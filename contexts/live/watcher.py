"""Sees for a whole web process when contexts change: whoever waits is told, and all together cost one query a look.

Lives on the server's loop; its queries run in a thread of its own, with a connection of its own. While nobody waits
there is neither. It looks when the database was written to (contexts/engine/listener.py), and the longer its looks
take, the longer are the pauses between them: they must not crowd out the requests.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager, suppress
from typing import TypeVar

from django.db import Error, connections

from contexts.engine.listener import Listener, make_listener
from contexts.engine.subscriber import CHANGES
from contexts.live.looks import Seen, Sight, look

PACE_SECONDS = 0.05
# A look may take this part of the time, so that others have the rest.
PART_FOR_LOOKS = 0.25
AFTER_TROUBLE_SECONDS = 1.0

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Watch:
    """What one answer wants to know of one context.

    Args:
        seen: the context as it was last told of.
        with_history: whether its row is wanted when it changes.
    """

    def __init__(self, seen: Seen, *, with_history: bool) -> None:
        self.seen = seen
        self.with_history = with_history
        self._news = asyncio.Event()
        self._sight: Sight | None = None

    async def next(self, seconds: float) -> Sight | None:
        """Return the context when it changes, None where it does not within these seconds.

        Who is slow gets the latest state only: what is kept for him does not grow.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)
        self._news.clear()
        found, self._sight = self._sight, None
        return found

    def tell(self, sight: Sight) -> None:
        if sight.seen.revision != self.seen.revision:
            self.seen, self._sight = sight.seen, sight
            self._news.set()


class Watcher:
    """All watches of a process. It begins with the first and ends after the last."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()
        self._followers: set[asyncio.Event] = set()
        self._stirred = asyncio.Event()
        self._is_due = False
        self._is_in_trouble = False
        self._next_turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor

    @contextmanager
    def watching(self, watch: Watch) -> Iterator[Watch]:
        """Watch a context within the block; what has changed since ``watch.seen`` is told at once."""
        self._watches.add(watch)
        self._begin()
        try:
            yield watch
        finally:
            self._watches.discard(watch)

    @contextmanager
    def following(self) -> Iterator[asyncio.Event]:
        """Yield an event that is set, within the block, whenever there may be news of any context."""
        event = asyncio.Event()
        self._followers.add(event)
        self._begin()
        try:
            yield event
        finally:
            self._followers.discard(event)

    async def run(self, function: Callable[[], T]) -> T:
        """Run a query in the watcher's thread; only within `watching` or `following`.

        One at a time is handed to the thread, in the order in which they come: however many want to, the look for
        those who wait comes after one of them.
        """
        async with self._next_turn:
            found = await self._in_thread(function)
        self._is_in_trouble = False
        return found

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def rest(self) -> None:
        """Wait until nobody is left to watch for, and nothing of the last watch."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def _begin(self) -> None:
        self._is_due = True
        self._stirred.set()
        if self._task is None or self._task.done():
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="live")
            self._task = asyncio.create_task(self._run(self._thread), name="live-watcher")

    def _is_wanted(self) -> bool:
        return bool(self._watches or self._followers)

    async def _run(self, thread: ThreadPoolExecutor) -> None:
        try:
            while self._is_wanted():  # again where somebody came while the listener was closed
                try:
                    await self._listen()
                except Exception as exc:  # those who wait would never be told
                    self._say_once(exc)
                    await asyncio.sleep(AFTER_TROUBLE_SECONDS)
        finally:
            thread.submit(connections.close_all)
            thread.shutdown(wait=False)

    async def _listen(self) -> None:
        async with aclosing(make_listener(self._stirred.set, CHANGES)) as listener:
            while self._is_wanted():
                await self._turn(listener)

    async def _turn(self, listener: Listener) -> None:
        """Look where there is a reason to, and pause; else wait for one."""
        has_news = listener.has_news()
        self._stirred.clear()
        if not (has_news or self._is_due):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), listener.look_seconds)
            return
        self._is_due = False
        began = time.monotonic()
        try:
            await self._look()
        except Exception as exc:  # those who wait go on waiting
            await self.note_trouble(exc)
            return
        await asyncio.sleep(max(PACE_SECONDS, (time.monotonic() - began) / PART_FOR_LOOKS))

    async def _look(self) -> None:
        for event in self._followers:
            event.set()
        watches = list(self._watches)
        known: dict[str, int] = {}
        for watch in watches:
            known[watch.seen.id] = min(watch.seen.revision, known.get(watch.seen.id, watch.seen.revision))
        with_history = {watch.seen.id for watch in watches if watch.with_history}
        sights = await self._in_thread(lambda: look(known, with_history)) if known else {}
        self._is_in_trouble = False
        for watch in watches:
            if (sight := sights.get(watch.seen.id)) is not None:
                watch.tell(sight)

    async def note_trouble(self, exc: Exception) -> None:
        """Say once what is wrong with a query, and let it be tried again after a while."""
        self._say_once(exc)
        try:
            await self._in_thread(connections.close_all)
        except Exception as another:  # the connection is away already
            self._say_once(another)
        await asyncio.sleep(AFTER_TROUBLE_SECONDS)

    def _say_once(self, exc: Exception) -> None:
        if not self._is_in_trouble:
            if isinstance(exc, Error):
                logger.warning("database_away function=look reason=%s", exc.__cause__ or exc)
            else:
                logger.error("live_look_broke", exc_info=exc)
        self._is_in_trouble = self._is_due = True


watcher = Watcher()
