"""One long turn of a worker: claim what is due, run it beside each other, claim again; when idle, linger and listen."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from django.db import Error

from contexts.engine import claims
from contexts.engine.admission import Survivors
from contexts.engine.batch_size import BatchSize
from contexts.engine.crowd import Crowd
from contexts.engine.every import Every
from contexts.engine.heartbeat import Heartbeat
from contexts.engine.job import Job, Lease
from contexts.engine.listener import Listener, make_listener
from contexts.engine.reaper import Reaper
from contexts.engine.runner import Runner
from contexts.engine.store import Store, is_outage
from contexts.engine.vital_signs import Doing

CLAIM_SECONDS = 1.0
LEASES_SECONDS = 0.25
LAG_LOOK_SECONDS = 0.1
STUBBORN_SECONDS = 1.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DrainSettings:
    """How a drain behaves; seconds throughout.

    Args:
        linger_seconds: the length of the turn. After it nothing more is claimed; the drain ends when the last
            context in flight has ended, or hands the rest back after ``overtime_seconds``.
        context_seconds: how long one attempt of a context may take.
        until_idle: end as soon as nothing is due and nothing is in flight.
    """

    max_in_flight: int
    linger_seconds: float
    overtime_seconds: float
    stop_grace_seconds: float
    heartbeat_seconds: float
    lease_seconds: float
    blocked_seconds: float
    context_seconds: float
    until_idle: bool = False


@dataclass
class Running:
    """A context in flight."""

    task: asyncio.Task[None]
    lease: Lease
    losses: int
    started_at: float = field(default_factory=time.monotonic)


class Drain:
    """Keeps contexts in flight for one turn. Made and run on one loop, once."""

    def __init__(
        self,
        settings: DrainSettings,
        *,
        store: Store,
        runner: Runner,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings = settings
        self._store = store
        self._runner = runner
        self._should_stop = should_stop
        self._running: dict[str, Running] = {}
        self._batch = BatchSize(settings.max_in_flight)
        self._survivors = Survivors()
        self._crowd = Crowd()
        self._token = ""
        self._doing = Doing.CLAIMING
        self._lost = False
        self._crash: BaseException | None = None
        self._leases_in_doubt = False
        self._stirred = asyncio.Event()
        self._claim_due = Every(CLAIM_SECONDS)
        self._leases_due = Every(LEASES_SECONDS)
        self._reaper = Reaper(settings.lease_seconds)
        self._reap_due = Every(self._reaper.look_seconds)
        self._stubborn_due = Every(STUBBORN_SECONDS)

    async def run(self) -> int:
        """Drain until the turn is over; return how many contexts were picked up.

        Raises:
            Exception: what broke the engine itself; its contexts were handed back where the database allowed it.
        """
        registered_at = time.monotonic()
        self._token = await self._store.run(claims.worker_register)
        heartbeat = self._heartbeat(registered_at)
        heartbeat.start()
        watch = asyncio.create_task(self._watch_lag(), name="lag")
        try:
            # closed before the rest is finished: who no longer claims must not be taken for one that hears the bell
            async with aclosing(make_listener(self._stirred.set)) as listener:
                picked_up = await self._take_turn(listener)
            self._doing = Doing.FINISHING
            await self._finish()
            return picked_up
        finally:
            watch.cancel()
            await self._release(heartbeat)

    def _heartbeat(self, registered_at: float) -> Heartbeat:
        return Heartbeat(
            self._token,
            asyncio.get_running_loop(),
            leased_at=registered_at,
            in_flight=lambda: len(self._running),
            doing=lambda: self._doing,
            on_lost=self._abandon,
            every_seconds=self._settings.heartbeat_seconds,
            lease_seconds=self._settings.lease_seconds,
            blocked_seconds=self._settings.blocked_seconds,
        )

    async def _watch_lag(self) -> None:
        """Take fewer contexts at once while the loop falls behind."""
        while True:
            due = time.monotonic() + LAG_LOOK_SECONDS
            await asyncio.sleep(LAG_LOOK_SECONDS)
            if self._batch.note_lag(time.monotonic() - due):
                logger.warning("batch_shrank worker=%s size=%s", self._token, self._batch.size)

    async def _take_turn(self, listener: Listener) -> int:
        ends_at = time.monotonic() + self._settings.linger_seconds
        picked_up = 0
        has_more = True
        while time.monotonic() < ends_at and not self._must_stop():
            has_news = listener.has_news()
            self._leases_in_doubt = self._leases_in_doubt or has_news
            await self._housekeeping()
            self._stirred.clear()
            if has_news or (has_more and not self._is_full()) or self._claim_due.is_due():
                claimed = await self._claim()
                picked_up += claimed
                has_more = claimed > 0 or self._is_full()
                if self._settings.until_idle and not claimed and not self._running:
                    break
            if not has_more or self._is_full():
                # a doubt that came too soon after the last one is looked into as soon as it may be
                await self._wait(min(listener.look_seconds, LEASES_SECONDS if self._leases_in_doubt else math.inf))
        return picked_up

    def _is_full(self) -> bool:
        return len(self._running) >= self._batch.size

    def _must_stop(self) -> bool:
        if self._crash is not None:
            raise self._crash
        return self._lost or self._should_stop()

    async def _housekeeping(self) -> None:
        if self._reap_due.is_due():
            await self._store.run(self._reaper.reap)
        if self._leases_in_doubt and self._leases_due.is_due():
            self._leases_in_doubt = False
            await self._drop_lost_leases()
        await self._drop_stubborn()

    async def _claim(self) -> int:
        losses = [running.losses for running in self._running.values()]
        try:
            jobs = await self._store.claim(
                self._token, running=losses, most=self._batch.size, survivors=self._survivors, crowd=self._crowd
            )
        except claims.WorkerGone:
            self._abandon()
            return 0
        for job in jobs:
            self._start(job)
        return len(jobs)

    def _start(self, job: Job) -> None:
        earlier = self._running.get(job.id)
        if earlier is not None:  # cancelled and retried before we noticed; its writes match nothing any more
            earlier.task.cancel()
        task = asyncio.create_task(self._run(job), name=job.id)
        self._running[job.id] = Running(task, job.lease, job.worker_losses)
        task.add_done_callback(lambda done: self._ended(job, done))

    async def _run(self, job: Job) -> None:
        """Run a job. Where the runner itself breaks, its context fails, and no other; a database that is away is
        everybody's trouble.
        """
        try:
            await self._runner.run(job)
        except Exception as exc:
            if is_outage(exc):
                raise
            logger.exception("runner_broke context=%s", job.id)
            message = f"The engine could not go on with this context ({type(exc).__name__}); the log has the details."
            where = (self._token, job.id, job.lease.attempt)
            await self._store.run(claims.fail_broken, *where, type="engine_error", message=message)

    def _ended(self, job: Job, task: asyncio.Task[None]) -> None:
        running = self._running.get(job.id)
        if running is not None and running.task is task:
            del self._running[job.id]
        self._stirred.set()
        if not task.cancelled():
            self._survivors.note(job.worker_losses)
        if not task.cancelled() and (exc := task.exception()) is not None:
            logger.error("runner_died context=%s", job.id, exc_info=exc)
            self._crash = exc

    async def _drop_lost_leases(self) -> None:
        """Stop what was cancelled, or taken from us: its task, and with it its HTTP call.

        What we hold without running it is given back: a claim whose answer got lost.
        """
        mine = dict(self._running)
        held = await self._store.run(claims.leases_held, self._token)
        for context_id, running in mine.items():
            if held.pop(context_id, None) != running.lease.attempt and not running.task.done():
                running.task.cancel()
        if held:
            logger.warning("leases_unknown worker=%s contexts=%s", self._token, len(held))
            await self._store.run(claims.give_back, self._token, held)

    async def _drop_stubborn(self) -> None:
        """Fail what goes on although its time is over, because its component ignores that it was cancelled."""
        if not self._stubborn_due.is_due():
            return
        patience = self._settings.context_seconds + self._settings.lease_seconds
        for context_id, running in list(self._running.items()):
            if time.monotonic() - running.started_at < patience:
                continue
            logger.error("component_stubborn context=%s", context_id)
            where = (self._token, context_id, running.lease.attempt)
            message = "The component did not stop when its time was up."
            await self._store.run(claims.fail_broken, *where, type="timed_out", message=message)
            running.task.cancel()
            self._running.pop(context_id, None)
            self._stirred.set()

    async def _wait(self, seconds: float) -> None:
        """Wait for a context to end or for the bell, at most until the next look."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stirred.wait(), seconds)

    async def _finish(self) -> None:
        """Let what is in flight come to its end: for long after a full turn, for a moment when asked to stop."""
        overtime_ends_at = time.monotonic() + self._settings.overtime_seconds
        grace_ends_at: float | None = None
        while self._running and not self._lost:
            now = time.monotonic()
            if grace_ends_at is None and self._must_stop():
                grace_ends_at = now + self._settings.stop_grace_seconds
            if now >= min(overtime_ends_at, grace_ends_at or overtime_ends_at):
                return
            if self._leases_due.is_due():
                await self._drop_lost_leases()
            await self._drop_stubborn()
            tasks = [running.task for running in self._running.values()]
            await asyncio.wait(tasks, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)

    def _abandon(self) -> None:
        """Drop everything: others may own it now."""
        self._lost = True
        self._stirred.set()

    async def _release(self, heartbeat: Heartbeat) -> None:
        """Stop the tasks, hand back what they leave, say good-bye."""
        tasks = [running.task for running in self._running.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
        heartbeat.stop()  # first, or a last beat would find the row stopped and cry that the lease is lost
        await self._store.settle()  # steps that are done stay done
        try:
            await self._store.run(claims.worker_stop, self._token)  # touches only what still bears our token
        except Error:
            if not self._lost:
                raise
