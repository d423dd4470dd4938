"""One turn of trials: claims what is due, runs it beside each other, ends what is finished, used up or cancelled.

Several turns may run beside each other: every item is claimed. Nobody else's context is touched, and the calls of
models count against the same limits as those of contexts.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from django.db import Error
from django_q.exceptions import TimeoutException

from base import clock
from components.adapters import Toolbox
from components.building import Builder
from components.prices import bill_of
from contexts.engine.every import Every
from contexts.engine.job import Job, Lease, LeaseLost, Write
from contexts.engine.runner import Limits, Runner
from contexts.engine.store import is_outage
from contexts.states import Move
from contexts.trials import rows
from contexts.trials.bench import Bench
from contexts.trials.budget import Budget, Verdict
from contexts.trials.models import ItemState, Trial, TrialItem, TrialState
from contexts.trials.rows import OpenTrial

AT_ONCE = 12
AT_ONCE_PER_TRIAL = 4
LOOK_SECONDS = 0.25
RENEW_SECONDS = 5.0
STUBBORN_SECONDS = 2.0

logger = logging.getLogger(__name__)


class RunSync(Protocol):
    """Runs blocking code in a thread that may use the database."""

    def __call__(self, function: Callable[..., Any], /, *args: Any) -> Awaitable[Any]: ...


@dataclass(frozen=True)
class TurnSettings:
    """How a turn behaves.

    Args:
        seconds: after it nothing more is begun.
        linger_seconds: how long it goes on looking where nothing is due.
        limits: of each item.
    """

    seconds: float
    linger_seconds: float
    limits: Limits


class Turn:
    """What is under way during one turn. Make it and run it on one loop."""

    def __init__(
        self,
        settings: TurnSettings,
        *,
        run_sync: RunSync,
        toolbox: Toolbox,
        builder: Builder,
        should_stop: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._run_sync = run_sync
        self._toolbox = toolbox
        self._builder = builder
        self._should_stop = should_stop
        self._flying: dict[asyncio.Task[None], TrialItem] = {}
        self._renewal = Every(RENEW_SECONDS)
        self._ends_at = time.monotonic() + settings.seconds
        self._idle_since = time.monotonic()
        self._due_at: datetime | None = None
        self._begun = 0

    async def run(self) -> int:
        """Go on until nothing was left to do for a moment, or the time is up; return how many items were begun."""
        try:
            while self._goes_on():
                await self._look()
                await self._wait()
        finally:
            await self._stop(list(self._flying), rows.item_hand_back)
        return self._begun

    def _goes_on(self) -> bool:
        if self._should_stop():
            return False
        now = time.monotonic()
        if self._flying or now >= self._ends_at:
            return bool(self._flying)
        return now - self._idle_since <= self._settings.linger_seconds or self._is_worth_waiting()

    def _is_worth_waiting(self) -> bool:
        """Tell whether a retry is due before the turn ends."""
        left = timedelta(seconds=self._ends_at - time.monotonic())
        return self._due_at is not None and self._due_at <= clock.now() + left

    async def _look(self) -> None:
        opened: list[OpenTrial] = await self._run_sync(rows.trials_open)
        if self._flying and self._renewal.is_due():
            await self._run_sync(rows.items_renew, [item.lease_token for item in self._flying.values()])
        await self._stop_what_ended({one.trial.pk for one in opened})
        self._due_at = min((moment for one in opened if (moment := one.due_at)), default=None)
        for one in opened:
            if one.is_finished:
                await self._run_sync(rows.trial_end, one.trial.pk, TrialState.FINISHED)
        if time.monotonic() < self._ends_at:
            await self._launch(deque(opened))

    async def _launch(self, line: deque[OpenTrial]) -> None:
        """Begin what is due, by turns of the trials: a long replay keeps no test-run waiting."""
        while line and len(self._flying) < AT_ONCE:
            one = line.popleft()
            if len(one.under_way) < AT_ONCE_PER_TRIAL and await self._begin_next(one):
                line.append(one)

    async def _begin_next(self, one: OpenTrial) -> bool:
        """Begin the next item of a trial; False where there is none, or it must not begin now."""
        item = one.next_due(clock.now())
        if item is None:
            return False
        self._idle_since = time.monotonic()
        match one.verdict(item):
            case Verdict.STOP:
                await self._run_sync(_stop_by_budget, one)
                return False
            case Verdict.WAIT:
                return False
        if not await self._run_sync(rows.item_claim, item, clock.now()):
            return False
        self._begun += 1
        task = asyncio.create_task(self._run_item(item, one.trial), name=item.pk)
        self._flying[task] = item
        return True

    async def _run_item(self, item: TrialItem, trial: Trial) -> None:
        if item.losses > rows.LOSSES_AT_MOST:
            await self._run_sync(_fail, item, "worker_lost", "Its worker died again and again while it ran.")
            return
        try:
            task: rows.Task = await self._run_sync(rows.item_task, item, trial)
            await self._run_task(item, task)
        except rows.ContextGone as exc:
            await self._run_sync(_fail, item, "context_gone", f"{exc} There is nothing to run any more.")
        except Error as exc:
            if not is_outage(exc):
                raise
            logger.warning("trial_interrupted item=%s reason=%s", item.pk, exc)  # its lease runs out, then it goes on
        except Exception:
            logger.exception("trial_broke item=%s", item.pk)
            await self._run_sync(_fail, item, "engine_error", "Draftline itself could not go on; the log says why.")

    async def _run_task(self, item: TrialItem, task: rows.Task) -> None:
        bench = Bench(
            task.text,
            task.source,
            toolbox=self._toolbox,
            builder=self._builder,
            on_wait=partial(self._say_waiting, item),
        )
        store = _ItemStore(item, task.work, self._run_sync)
        runner = Runner(
            store=store,
            build=bench.build,
            tools=bench.tools,
            limits=self._settings.limits,
            now=clock.now,
            fatal=(TimeoutException,),
        )
        await runner.run(_job(item, task, bench.data))

    async def _say_waiting(self, item: TrialItem, reason: str) -> None:
        await self._run_sync(rows.item_write, item.pk, item.lease_token, {"waiting_for": reason[:300]})

    async def _wait(self) -> None:
        """Wait a moment, or until something has ended."""
        if not self._flying:
            await asyncio.sleep(LOOK_SECONDS)
            return
        done, _ = await asyncio.wait(self._flying, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            self._land(task)

    def _land(self, task: "asyncio.Task[None]") -> None:
        self._flying.pop(task, None)
        self._idle_since = time.monotonic()
        if not task.cancelled():
            task.result()  # what nobody foresaw ends the turn, loudly

    async def _stop_what_ended(self, running: set[str]) -> None:
        ended = [task for task, item in self._flying.items() if item.trial_id not in running]
        await self._stop(ended, rows.item_cancel)

    async def _stop(self, tasks: list["asyncio.Task[None]"], then: Callable[[str, str], bool]) -> None:
        """Stop tasks, then let go of their items."""
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STUBBORN_SECONDS)
        for task in tasks:
            item = self._flying.pop(task)
            with suppress(Error):  # its lease runs out
                await self._run_sync(then, item.pk, item.lease_token)


def _fail(item: TrialItem, type: str, message: str) -> None:
    rows.item_fail(item.pk, item.lease_token, type=type, message=message)


def _stop_by_budget(one: OpenTrial) -> None:
    begun = sum(bool(item.attempts) for item in one.items)
    budget = Budget(one.trial.most_tokens, one.trial.most_usd)
    reason = f"{begun} of {len(one.items)} runs were begun; the next one would go beyond the budget of {budget}."
    rows.trial_end(one.trial.pk, TrialState.STOPPED, reason=reason)


def _job(item: TrialItem, task: rows.Task, data: dict[str, Any]) -> Job:
    """Return the item as the runner knows contexts: at the step that its last checkpoint came to."""
    return Job(
        id=item.pk,
        lease=Lease(item.lease_token, item.attempts),
        type=task.source.type,
        organization_id=task.source.organization_id,
        pipeline=task.source.pipeline,
        data=task.work.get("data", data),
        metadata=task.source.metadata,
        processing=task.work.get("processing", {}),
        step_runs=task.work.get("step_runs", []),
        started_at=item.started_at or clock.now(),
        retry_count=item.retry_count,
    )


class _ItemStore:
    """Makes an item's checkpoints durable, each by itself, as `contexts.engine.store.Store` does for contexts."""

    def __init__(self, item: TrialItem, work: dict[str, Any], run_sync: RunSync) -> None:
        self._item = item
        self._work = work
        self._run_sync = run_sync

    async def commit(self, write: Write) -> None:
        kept: dict[str, Any] = {
            key: write.values[key] for key in ("data", "processing", "step_runs") if key in write.values
        }
        self._work = {**self._work, **kept}
        values = _columns(write) | _billed(self._work) | {"work": self._work}
        if not await self._run_sync(rows.item_write, self._item.pk, self._item.lease_token, values):
            raise LeaseLost(self._item.pk)


def _columns(write: Write) -> dict[str, Any]:
    values = write.values
    told: dict[str, Any] = {"waiting_for": values.get("waiting_for", "")} | (
        {"error": values["error"]} if "error" in values else {}
    )
    match write.move:
        case Move.COMPLETE:
            return {**told, "state": ItemState.DONE, "lease_token": "", "ended_at": values["ended_at"]}
        case Move.FAIL:
            return {**told, "state": ItemState.FAILED, "lease_token": "", "ended_at": values["ended_at"]}
        case Move.RETRY_LATER:
            count = {"retry_count": values["retry_count"]} if "retry_count" in values else {}
            due = {"state": ItemState.WAITING, "lease_token": "", "due_at": values["next_retry_at"]}
            return {**told, **count, **due}
    return told


def _billed(work: dict[str, Any]) -> dict[str, Any]:
    bill = bill_of(work.get("step_runs", []))
    return {
        "input_tokens": bill.input_tokens,
        "output_tokens": bill.output_tokens,
        "cost_usd": bill.cost_usd,
        "unpriced_tokens": bill.unpriced_tokens,
    }
