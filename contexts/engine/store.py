"""The engine's only border to the ORM: one thread with one connection, checkpoints in group commits.

Whatever checkpoints wait while the thread is busy go into the next commit together, and only then do their contexts
go on. The busier the worker, the larger the groups; a lone context waits for nobody.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import Error, connections

from base.outage import is_away
from contexts.engine import claims
from contexts.engine.admission import NOBODY, Survivors
from contexts.engine.crowd import Crowd
from contexts.engine.group import write_group
from contexts.engine.job import Job, LeaseLost, Write
from contexts.states import Move

# Small enough that a web process which waits for SQLite's one write lock does not wait long.
GROUP_AT_MOST = 100
RETRY_PAUSE_SECONDS = 0.25

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)


def is_outage(exc: Exception) -> bool:
    """Tell whether the database is away: everybody's trouble, not that of what was to be written."""
    return isinstance(exc, Error) and is_away(exc)


class Store:
    """Reads and writes for one worker. Every method but `close` must be awaited on the loop that made it."""

    def __init__(self, *, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._waiting: list[tuple[Write, asyncio.Future[bool]]] = []
        self._flusher: asyncio.Task[None] | None = None

    async def claim(
        self,
        token: str,
        *,
        running: Iterable[int],
        most: int,
        survivors: Survivors = NOBODY,
        crowd: Crowd | None = None,
    ) -> list[Job]:
        return await self.run(claims.claim, token, running=list(running), most=most, survivors=survivors, crowd=crowd)

    async def commit(self, write: Write) -> None:
        """Make a write durable, together with whatever else waits.

        Raises:
            LeaseLost: the row did not match the lease.
        """
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((write, future))
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush(), name="store-flush")
        if not await future:
            raise LeaseLost(write.context_id)

    async def say_waiting(self, job: Job, reason: str) -> None:
        """Show why a context that runs has to wait; the next checkpoint takes it away."""
        try:
            await self.commit(Write(job.id, job.lease, Move.CHECKPOINT, {"waiting_for": reason}))
        except Error as exc:  # a hint must not fail its context
            if not is_outage(exc):
                raise

    async def _flush(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:GROUP_AT_MOST], self._waiting[GROUP_AT_MOST:]
            found = await self._outcomes([write for write, _ in group])
            for (_, future), outcome in zip(group, found, strict=True):
                if future.done():
                    continue
                if isinstance(outcome, Exception):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)

    async def _outcomes(self, writes: list[Write]) -> Sequence[bool | Exception]:
        """Write a group. One write that cannot be stored must not fail the others: then each goes by itself."""
        try:
            return await self.run(write_group, writes)
        except Exception as exc:
            if len(writes) == 1 or is_outage(exc):
                return [exc] * len(writes)
        return [(await self._outcomes([write]))[0] for write in writes]

    async def settle(self) -> None:
        """Wait until every write that was asked for is made."""
        while self._flusher is not None and not self._flusher.done():
            await asyncio.wait([self._flusher])

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking database code in the store's thread; an unreachable database is tried again for a while.

        Raises:
            Error: it stayed away longer than the patience, or the query itself is wrong.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: self.patiently(function, *args, **kwargs))

    def patiently(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking database code in this thread; an unreachable database is tried again for a while."""
        deadline = time.monotonic() + self._patience_seconds
        while True:
            try:
                return function(*args, **kwargs)
            except Error as exc:
                if not is_away(exc) or time.monotonic() >= deadline:
                    raise
                logger.warning(
                    "database_away function=%s reason=%s", getattr(function, "__name__", "?"), exc.__cause__ or exc
                )
                connections.close_all()
                time.sleep(RETRY_PAUSE_SECONDS)

    async def close(self) -> None:
        """Write what waits, close the connection, end the thread."""
        await self.settle()
        await asyncio.get_running_loop().run_in_executor(self._thread, connections.close_all)
        self._thread.shutdown(wait=True)
