"""How a drain behaves on a real database, whatever runs in it."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connections

from contexts.engine import claims
from contexts.engine.drain import Drain, DrainSettings
from contexts.engine.job import Job, Lease, LeaseLost, Write
from contexts.engine.listener import SqliteListener
from contexts.engine.runner import Runner
from contexts.engine.store import Store
from contexts.models import Context, Worker, WorkerState
from contexts.services import context_cancel
from contexts.states import Move, Status

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 10.0


class Behaving(Runner):
    """Does with a job what the test says."""

    def __init__(self, behave: Callable[[Job], Awaitable[None]]) -> None:
        self._behave = behave

    async def run(self, job: Job) -> None:
        await self._behave(job)


def settings_of(**changes: Any) -> DrainSettings:
    values: dict[str, Any] = {
        "max_in_flight": 10,
        "linger_seconds": SECONDS,
        "overtime_seconds": SECONDS,
        "stop_grace_seconds": 0.2,
        "heartbeat_seconds": 5.0,
        "lease_seconds": 20.0,
        "blocked_seconds": 10.0,
        "context_seconds": 600.0,
        **changes,
    }
    return DrainSettings(**values)


class Turn:
    """A drain that runs beside the test."""

    def __init__(self, behave: Callable[[Job], Awaitable[None]], store: Store | None = None, **changes: Any) -> None:
        self.store = store or Store(patience_seconds=1)
        self.stop = threading.Event()
        self._drain = Drain(
            settings_of(**changes), store=self.store, runner=Behaving(behave), should_stop=self.stop.is_set
        )

    async def __aenter__(self) -> "Turn":
        self.task = asyncio.create_task(self._drain.run())
        return self

    async def __aexit__(self, *args: object) -> None:
        self.stop.set()
        await asyncio.wait([self.task], timeout=SECONDS)
        await self.store.close()

    async def until(self, found: Callable[[], bool], *, seconds: float = 2.0) -> float:
        """Wait until it is true; return how long that took."""
        began = time.monotonic()
        while not await in_thread(found):
            assert time.monotonic() - began < seconds, "not in time"
            await asyncio.sleep(0.005)
        return time.monotonic() - began


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    def run() -> Any:
        try:
            return function(*args)
        finally:
            connections.close_all()

    return await sync_to_async(run, thread_sensitive=False)()


async def forever(job: Job) -> None:
    await asyncio.sleep(3600)


async def test_loop_goes_on_turning_after_a_claim(make_context, monkeypatch):
    """The drain must not look for more without letting go of the loop: the claimed context would wait."""
    monkeypatch.setattr(SqliteListener, "look_seconds", 0.5)
    await in_thread(make_context)
    claimed_at: list[float] = []
    started_at: list[float] = []

    class Noting(Store):
        async def claim(self, token: str, **options: Any) -> list[Job]:
            jobs = await super().claim(token, **options)
            if jobs:
                claimed_at.append(time.monotonic())
            return jobs

    async def note(job: Job) -> None:
        started_at.append(time.monotonic())

    async with Turn(note, Noting(patience_seconds=1)) as turn:
        await turn.until(lambda: bool(started_at))
    assert started_at[0] - claimed_at[0] < 0.2


async def test_each_of_several_cancels_is_noticed_within_half_a_second(make_context):
    contexts = [await in_thread(make_context) for _ in range(3)]
    running: set[str] = set()

    async def run(job: Job) -> None:
        running.add(job.id)
        try:
            await asyncio.sleep(3600)
        finally:
            running.discard(job.id)

    async with Turn(run) as turn:
        await turn.until(lambda: len(running) == 3)
        for context in contexts:
            await in_thread(lambda pk: context_cancel(pk, organization_id=None), context.pk)
            await asyncio.sleep(0.02)
        assert await turn.until(lambda: not running) < 0.5


async def test_runner_that_breaks_fails_its_context_and_no_other(make_context):
    broken = await in_thread(make_context)
    other = await in_thread(make_context)

    async def run(job: Job) -> None:
        if job.id == broken.pk:
            raise ValueError("a fault of ours")
        await asyncio.sleep(3600)

    async with Turn(run) as turn:
        await turn.until(lambda: Context.objects.get(pk=broken.pk).status == Status.FAILED)
        await in_thread(other.refresh_from_db)
        assert other.status == Status.PROCESSING
        assert not turn.task.done()
    await in_thread(broken.refresh_from_db)
    assert broken.error["type"] == "engine_error"


async def test_write_that_cannot_be_stored_fails_its_context_and_no_other(make_context):
    contexts = [await in_thread(make_context) for _ in range(5)]
    bad = contexts[2].pk
    together = asyncio.Barrier(5)
    store = Store(patience_seconds=1)

    async def run(job: Job) -> None:
        await together.wait()
        await store.commit(Write(job.id, job.lease, Move.COMPLETE, {"data": {"a": object() if job.id == bad else 1}}))

    async with Turn(run, store) as turn:
        await turn.until(lambda: not Context.objects.filter(status=Status.PROCESSING, pk__in=[bad]).exists())
        await turn.until(lambda: Context.objects.filter(status=Status.COMPLETED).count() == 4)
    assert await in_thread(lambda: Context.objects.get(pk=bad).status) == Status.FAILED


async def test_steps_that_are_done_when_the_drain_stops_stay_done(make_context):
    """Writes that wait behind a slow one go before the hand-back."""
    contexts = [await in_thread(make_context) for _ in range(8)]

    first_is_written = asyncio.Event()

    class Slow(Store):
        async def run(self, function: Any, *args: Any, **kwargs: Any) -> Any:
            if getattr(function, "__name__", "") == "write_group":
                first_is_written.set()
                return await super().run(slowly, function, *args, **kwargs)
            return await super().run(function, *args, **kwargs)

    store = Slow(patience_seconds=1)
    stopped = asyncio.Event()

    async def run(job: Job) -> None:
        await (stopped if job.id == contexts[0].pk else first_is_written).wait()
        await store.commit(Write(job.id, job.lease, Move.CHECKPOINT, {"data": {"done": True}}))
        await asyncio.sleep(3600)

    async with Turn(run, store, stop_grace_seconds=0.05) as turn:
        await turn.until(lambda: Context.objects.filter(status=Status.PROCESSING).count() == 8)
        turn.stop.set()
        stopped.set()
        await asyncio.wait([turn.task], timeout=SECONDS)
    rows = await in_thread(lambda: list(Context.objects.values_list("status", "data")))
    assert rows == [(Status.RETRYING, {"done": True})] * 8


def slowly(function: Callable[..., Any], *args: Any) -> Any:
    threading.Event().wait(0.3)
    return function(*args)


async def test_worker_that_was_declared_dead_drops_everything_and_leaves_nothing_behind(make_context):
    held = await in_thread(make_context)
    async with Turn(forever) as turn:
        await turn.until(lambda: Context.objects.filter(status=Status.PROCESSING).exists())
        await in_thread(lambda: Worker.objects.update(state=WorkerState.BURIED))
        late = await in_thread(make_context)
        await asyncio.wait([turn.task], timeout=SECONDS)
        assert turn.task.done()
    found = await in_thread(lambda: {row.pk: (row.status, row.lease_token) for row in Context.objects.all()})
    assert found[held.pk] == (Status.RETRYING, "")
    # claimed in vain and given back, or never claimed
    assert found[late.pk] in [(Status.RETRYING, ""), (Status.PENDING, "")]


async def test_claim_whose_answer_was_lost_is_given_back(make_context):
    await in_thread(make_context)

    class Forgetful(Store):
        forgets = True

        async def claim(self, token: str, **options: Any) -> list[Job]:
            jobs = await super().claim(token, **options)
            if jobs and self.forgets:
                self.forgets = False
                return []
            return jobs

    done: list[int] = []

    async def run(job: Job) -> None:
        done.append(job.lease.attempt)

    async with Turn(run, Forgetful(patience_seconds=1)) as turn:
        await turn.until(lambda: done == [2])


async def test_component_that_ignores_its_cancellation_fails_and_frees_its_place(make_context):
    stubborn = await in_thread(make_context)
    done: list[str] = []

    async def run(job: Job) -> None:
        if job.id != stubborn.pk:
            done.append(job.id)
            return
        while not done:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.1)

    async with Turn(run, max_in_flight=1, context_seconds=0.1, heartbeat_seconds=0.5, lease_seconds=3) as turn:
        await turn.until(lambda: Context.objects.filter(status=Status.PROCESSING).exists())
        await in_thread(make_context)
        await turn.until(lambda: bool(done), seconds=15)
    await in_thread(stubborn.refresh_from_db)
    assert (stubborn.status, stubborn.error["type"]) == (Status.FAILED, "timed_out")


async def test_worker_that_cannot_renew_gives_up_by_itself(make_context, monkeypatch):
    """Before anybody can think that it is dead, and without anybody's help."""

    def away(token: str, *, in_flight: int) -> bool:
        raise OperationalError

    monkeypatch.setattr(claims, "worker_renew", away)
    context = await in_thread(make_context)
    async with Turn(forever, heartbeat_seconds=0.5, lease_seconds=2.0) as turn:
        await turn.until(lambda: Context.objects.filter(status=Status.PROCESSING).exists())
        await asyncio.wait([turn.task], timeout=SECONDS)
        assert turn.task.done()
    await in_thread(context.refresh_from_db)
    assert (context.status, context.worker_losses) == (Status.RETRYING, 0)


async def test_drain_that_survives_suspects_takes_more_of_them_at_a_time(make_context):
    for _ in range(7):
        await in_thread(lambda: make_context(status=Status.RETRYING, worker_losses=3))
    store = Store(patience_seconds=1)
    running: set[str] = set()
    beside: list[int] = []

    async def run(job: Job) -> None:
        running.add(job.id)
        await asyncio.sleep(0.05)  # so that those that were claimed together run together
        beside.append(len(running))
        await store.commit(Write(job.id, job.lease, Move.COMPLETE, {}))
        running.discard(job.id)

    async with Turn(run, store) as turn:
        await turn.until(lambda: Context.objects.filter(status=Status.COMPLETED).count() == 7, seconds=8)
    assert beside[0] == 1
    assert max(beside) > 1


async def test_commit_after_a_lost_lease_says_so():
    store = Store(patience_seconds=1)
    token = await in_thread(claims.worker_register)
    try:
        with pytest.raises(LeaseLost):
            await store.commit(Write("ctx_none", Lease(token, 1), Move.CHECKPOINT))
    finally:
        await store.close()
