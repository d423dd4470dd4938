"""Remembers answers for a moment, so that hundreds of contexts at once do not each ask the database."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class _Entry(Generic[T]):
    task: asyncio.Task[T]
    asked_at: float


class Fresh(Generic[T]):
    """A small cache of one event loop; whoever asks while an answer is under way waits for that one.

    Args:
        seconds: how old an answer may be, counted from the moment it was asked for.
        size: how many answers are kept.
    """

    def __init__(self, *, seconds: float, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._size = size
        self._clock = clock
        self._entries: OrderedDict[Hashable, _Entry[T]] = OrderedDict()

    async def get(self, key: Hashable, load: Callable[[], Awaitable[T]]) -> T:
        """Return the answer for ``key``, from ``load`` where none is fresh. What ``load`` raises is not kept."""
        entry = self._entries.get(key)
        if entry is None or self._clock() - entry.asked_at >= self._seconds:
            entry = self._ask(key, load)
        # one waiter that is cancelled must not take the answer from the others
        return await asyncio.shield(entry.task)

    def _ask(self, key: Hashable, load: Callable[[], Awaitable[T]]) -> _Entry[T]:
        async def run() -> T:
            return await load()

        entry = _Entry(asyncio.create_task(run(), name="fresh"), self._clock())
        self._entries[key] = entry
        self._entries.move_to_end(key)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)
        entry.task.add_done_callback(lambda task: self._forget_failure(key, task))
        return entry

    def _forget_failure(self, key: Hashable, task: asyncio.Task[T]) -> None:
        if not task.cancelled() and task.exception() is None:
            return
        entry = self._entries.get(key)
        if entry is not None and entry.task is task:
            del self._entries[key]

    async def aclose(self) -> None:
        """Stop what is still being asked."""
        tasks = [entry.task for entry in self._entries.values() if not entry.task.done()]
        self._entries.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
