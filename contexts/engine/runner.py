"""Runs one context through its pipeline. Pure asyncio: no Django, no database, no clock of its own.

A finished step is durable before the next one starts, and the last step's checkpoint is also the context's end: one
write. Whatever a component raises fails its context alone; only a cancellation of ours and the exceptions named
``fatal`` (django-q2's time-out) go through.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from base.clock import milliseconds_between, to_iso
from components.contract import Component, ContextView, StepNotes, Tools
from components.errors import ComponentError, PermanentError, ProviderBusy, TransientError
from components.pipeline import Plan, Stage, Step, plan_of
from components.schema import without_secrets
from contexts.engine.job import CheckpointStore, Job, LeaseLost, Transcript, Write
from contexts.engine.result import check_result, idempotency_key
from contexts.engine.retry import RetryPolicy, retry_delay
from contexts.engine.step_run import StepFailure, StepRun, template_used, transcript_of
from contexts.engine.storable import MAX_TRACEBACK_LENGTH, clean_error, clean_tail
from contexts.rewind import keys_written_by, rewind
from contexts.states import Move

MAX_WAITING_FOR = 300


@dataclass(frozen=True)
class Limits:
    """How long things may take, in seconds."""

    step_seconds: float
    context_seconds: float


@dataclass
class Progress:
    """Where one run of a context stands; only its runner changes it.

    Args:
        template_id: the template that a step has used last.
        stored_template_id: the same, as the row has it: it is written once, with the checkpoint of the choice.
    """

    data: dict[str, Any]
    completed: list[str]
    timings: dict[str, int]
    step_runs: list[dict[str, Any]]
    transcripts: list[Transcript] = field(default_factory=list)
    template_id: str | None = None
    stored_template_id: str | None = None

    @classmethod
    def of(cls, job: Job) -> "Progress":
        stored = template_used(job.step_runs)
        return cls(
            data=dict(job.data),
            completed=list(job.processing.get("completed_components", [])),
            timings=dict(job.processing.get("component_timings", {})),
            step_runs=list(job.step_runs),
            template_id=stored,
            stored_template_id=stored,
        )


@dataclass(frozen=True)
class Start:
    """What the steps of a stage are given: the data from before any of them, whoever of them is done already.

    So a step's input, and with it its idempotency key, is the same in every attempt.
    """

    data: dict[str, Any]
    written: frozenset[str]

    @classmethod
    def of(cls, stage: Stage, progress: Progress) -> "Start":
        here = {step.key for step in stage}
        earlier = set(progress.completed) - here
        return cls(
            data=rewind(progress.data, progress.step_runs, here & set(progress.completed)),
            written=frozenset(keys_written_by(progress.step_runs, earlier)),
        )


ComponentFactory = Callable[[Step], Awaitable[Component[Any]]]
ToolsFactory = Callable[[Job, str, StepNotes], Tools]


class Runner:
    """Runs jobs; keeps nothing of them."""

    def __init__(
        self,
        *,
        store: CheckpointStore,
        build: ComponentFactory,
        tools: ToolsFactory,
        limits: Limits,
        now: Callable[[], datetime],
        policy: RetryPolicy | None = None,
        fatal: tuple[type[BaseException], ...] = (),
    ) -> None:
        self._store = store
        self._build = build
        self._tools = tools
        self._limits = limits
        self._now = now
        self._policy = policy or RetryPolicy()
        self._fatal = fatal

    async def run(self, job: Job) -> None:
        """Take a claimed context to its next resting place: completed, failed or retrying.

        Returns silently where the lease was lost. A cancellation of ours leaves the row to whoever cancelled.
        """
        progress = Progress.of(job)
        try:
            failures = await self._run_stages(job, progress)
            if failures:
                await self._settle(job, progress, failures)
        except LeaseLost:
            return

    async def _run_stages(self, job: Job, progress: Progress) -> list[StepFailure]:
        plan = plan_of(job.pipeline)
        if set(plan.keys) <= set(progress.completed):
            await self._checkpoint(job, plan, progress)  # a crash came between the last step and the end
            return []
        try:
            async with asyncio.timeout(self._limits.context_seconds) as whole:
                for stage in plan.stages:
                    failures = await self._run_stage(job, plan, stage, progress)
                    if failures:
                        return failures
        except TimeoutError:
            if not whole.expired():
                raise
            if set(plan.keys) <= set(progress.completed):
                await self._checkpoint(job, plan, progress)  # it ran out while the end was written: see to it
                return []
            return [self._whole_timed_out(plan, progress)]
        return []

    def _whole_timed_out(self, plan: Plan, progress: Progress) -> StepFailure:
        step = next(step for step in plan.steps if step.key not in progress.completed)
        message = f"The context took longer than {self._limits.context_seconds:g} seconds in one attempt."
        return StepFailure(step, TransientError(message, type="timed_out"))

    async def _run_stage(self, job: Job, plan: Plan, stage: Stage, progress: Progress) -> list[StepFailure]:
        """Run what is left of a stage. All of its steps come to their end before a failure counts."""
        todo = [step for step in stage if step.key not in progress.completed]
        start = Start.of(stage, progress)
        if len(todo) == 1:
            found = [await self._run_step(job, plan, todo[0], progress, start)]
        else:
            found = await _gather([self._run_step(job, plan, step, progress, start) for step in todo])
        return [failure for failure in found if failure is not None]

    async def _run_step(self, job: Job, plan: Plan, step: Step, progress: Progress, start: Start) -> StepFailure | None:
        run = StepRun(step, job.lease.attempt, self._now())
        try:
            if step.is_wanted({"data": start.data, "type": job.type, "metadata": job.metadata}):
                result = await self._process(job, step, run, start)
                self._check(run, result, progress)
                run.complete(result, progress.data, self._now())
                progress.data.update(result)
            else:
                run.skip(self._now())
        except self._fatal:
            raise
        except BaseException as exc:  # at the component's boundary, see house rules
            if isinstance(exc, asyncio.CancelledError) and _we_cancelled():
                raise
            failure = self._failed(job, step, run, exc)
            if failure is not None:
                return failure
        self._note(job, run, progress)
        progress.completed.append(step.key)
        await self._checkpoint(job, plan, progress)
        return None

    def _failed(self, job: Job, step: Step, run: StepRun, exc: BaseException) -> StepFailure | None:
        """Return the failure, or None where the pipeline says to go on without the step."""
        if isinstance(exc, ProviderBusy):
            return StepFailure(step, exc)  # nothing was run: the history has nothing to tell
        error = _component_error(exc)
        detail = None if isinstance(exc, ComponentError) else _traceback_of(exc)
        is_final = retry_delay(retryable=error.retryable, retry_count=job.retry_count, policy=self._policy) is None
        if step.on_error == "skip" and is_final:
            run.skip(self._now(), error=error, traceback=detail)
            return None
        run.fail(error, detail, self._now())
        return StepFailure(step, error, run)

    async def _process(self, job: Job, step: Step, run: StepRun, start: Start) -> dict[str, Any]:
        component = await self._build(step)
        run.config = without_secrets(type(component.config), component.config.model_dump(mode="json"))
        run.allowed = component.keys_written(component.config)
        tools = self._tools(job, idempotency_key(job.id, step.key, start.data), run.notes)
        view = ContextView(
            id=job.id,
            type=job.type,
            data=dict(start.data),
            metadata=job.metadata,
            written=start.written,
            organization_id=job.organization_id,
            step_key=step.key,
            attempt=job.lease.attempt,
        )
        seconds = component.timeout_seconds or self._limits.step_seconds
        try:
            async with asyncio.timeout(seconds) as scope:
                return await component.process(view, tools)
        except TimeoutError as exc:
            if not scope.expired():
                raise
            raise TransientError(f"{step.key} took longer than {seconds:g} seconds.", type="timed_out") from exc

    @staticmethod
    def _check(run: StepRun, result: Any, progress: Progress) -> None:
        check_result(result, allowed=run.allowed, data=progress.data, history=progress.step_runs, step_key=run.step.key)

    def _note(self, job: Job, run: StepRun, progress: Progress) -> None:
        """Add a run to the history."""
        progress.step_runs.append(run.document())
        progress.timings[run.step.key] = run.duration_ms
        progress.template_id = run.template_id or progress.template_id
        transcript = transcript_of(job, run)
        if transcript is not None:
            progress.transcripts.append(transcript)

    async def _checkpoint(self, job: Job, plan: Plan, progress: Progress) -> None:
        now = self._now()
        is_last = set(plan.keys) <= set(progress.completed)
        processing: dict[str, Any] = {
            "completed_components": list(progress.completed),
            "start_time": to_iso(job.started_at),
            "component_timings": dict(progress.timings),
        }
        values: dict[str, Any] = {
            "data": dict(progress.data),
            "processing": processing,
            "step_runs": list(progress.step_runs),
            "waiting_for": "",
            "updated_at": now,
        }
        if is_last:
            processing["end_time"] = to_iso(now)
            processing["duration_ms"] = milliseconds_between(job.started_at, now)
            values |= {"ended_at": now, "error": None}
        else:
            processing["current_component"] = progress.completed[-1]
        move = Move.COMPLETE if is_last else Move.CHECKPOINT
        await self._write(job, move, values, progress)

    async def _settle(self, job: Job, progress: Progress, failures: list[StepFailure]) -> None:
        """Write down a failure: to be retried, or for good."""
        for failure in failures:
            if failure.run is not None:
                self._note(job, failure.run, progress)
        worst = min(failures, key=_hope)
        if isinstance(worst.error, ProviderBusy):
            await self._wait_for_provider(job, progress, worst.error)
            return
        now = self._now()
        delay = retry_delay(
            retryable=worst.error.retryable,
            retry_count=job.retry_count,
            policy=self._policy,
            retry_after=getattr(worst.error, "retry_after", None),
        )
        values: dict[str, Any] = {
            "error": worst.document(job.lease.attempt, now),
            "step_runs": list(progress.step_runs),
            "waiting_for": "",
            "updated_at": now,
        }
        if delay is None:
            await self._write(job, Move.FAIL, {**values, "ended_at": now}, progress)
        else:
            values |= {"next_retry_at": now + delay, "retry_count": job.retry_count + 1}
            await self._write(job, Move.RETRY_LATER, values, progress)

    async def _wait_for_provider(self, job: Job, progress: Progress, error: ProviderBusy) -> None:
        """Let others run until the provider takes calls again. That is no failure: no retry is spent, none is shown."""
        now = self._now()
        values = {
            "next_retry_at": now + timedelta(seconds=error.retry_after or 0.0),
            "waiting_for": error.waiting_for[:MAX_WAITING_FOR],
            "updated_at": now,
        }
        await self._write(job, Move.RETRY_LATER, values, progress)

    async def _write(self, job: Job, move: Move, values: dict[str, Any], progress: Progress) -> None:
        transcripts, progress.transcripts = tuple(progress.transcripts), []
        if progress.template_id != progress.stored_template_id:
            values = {**values, "template_id": progress.template_id}
            progress.stored_template_id = progress.template_id
        await self._store.commit(Write(job.id, job.lease, move, values, transcripts, job.organization_id))


async def _gather(coroutines: list[Awaitable[StepFailure | None]]) -> list[StepFailure | None]:
    """Run parallel steps to their ends; the first exception that is not theirs stops the rest, and is raised.

    Each task bears the context's name, for whoever looks for the one that blocks the loop.
    """
    name = task.get_name() if (task := asyncio.current_task()) is not None else None
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_awaited(coroutine), name=name) for coroutine in coroutines]
    except BaseExceptionGroup as found:
        raise found.exceptions[0] from None
    return [task.result() for task in tasks]


async def _awaited(coroutine: Awaitable[StepFailure | None]) -> StepFailure | None:
    return await coroutine


def _hope(failure: StepFailure) -> int:
    """Sort failures: what is final first, what costs a retry next, what only waits last."""
    if not failure.error.retryable:
        return 0
    return 2 if isinstance(failure.error, ProviderBusy) else 1


def _we_cancelled() -> bool:
    """Tell a cancellation of ours from a CancelledError that a component raised by itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _component_error(exc: BaseException) -> ComponentError:
    if isinstance(exc, ComponentError):
        return clean_error(exc)
    name = type(exc).__name__
    return PermanentError(f"The component broke with {name}; staff see the traceback.", type="component_broke")


def _traceback_of(exc: BaseException) -> str:
    return clean_tail("".join(traceback.format_exception(exc)), MAX_TRACEBACK_LENGTH)
