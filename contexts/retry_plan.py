"""What a retry would do to a context: which steps are kept, which run again, from which data. Pure.

The same plan says the price of a retry before it is made, and makes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from base.problems import Fault, InvalidInput
from components.pipeline import Plan, Stage, parse_pipeline
from contexts.rewind import keys_written_by, rewind

FROM_FAILED = "failed"
FROM_START = "start"
TEMPLATE_KEY = "template"


@dataclass(frozen=True)
class RetryWish:
    """How a person wants a context to be retried.

    Args:
        from_step: ``failed`` (keep every finished step), ``start``, or the key of an earlier step.
        keep_template: stay with the template version that was chosen, though the step that chose it would run again.
        steps: the steps of the pipeline as they are now; None keeps those that the context came with.
    """

    from_step: str = FROM_FAILED
    keep_template: bool = False
    steps: list[Any] | None = None


@dataclass(frozen=True)
class Standing:
    """What of a context a plan is made from."""

    pipeline: list[Any]
    data: dict[str, Any]
    step_runs: list[dict[str, Any]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RetryPlan:
    """What a retry keeps and does.

    Args:
        kept: the steps whose results are reused, in the order in which they ran.
        again: those that run, in the order of the pipeline.
        data: with what the kept steps wrote, and without what the others did.
    """

    pipeline: list[Any]
    kept: list[str]
    again: list[str]
    data: dict[str, Any]


def retry_plan(standing: Standing, wish: RetryWish) -> RetryPlan:
    """Return what a retry would do.

    Raises:
        InvalidInput: there is no such step, or it was not reached.
    """
    plan = parse_pipeline(standing.pipeline)
    dropped = _dropped_steps(plan, wish.from_step, standing.done)
    if wish.keep_template:
        dropped.discard(keys_written_by(standing.step_runs, set(standing.done)).get(TEMPLATE_KEY, ""))
    steps = standing.pipeline if wish.steps is None else wish.steps
    new_plan = parse_pipeline(steps)
    usable = set(plan.keys) if wish.steps is None else _unchanged(plan, new_plan)
    kept = [key for key in standing.done if key not in dropped and key in usable]
    return RetryPlan(
        pipeline=steps,
        kept=kept,
        again=[key for key in new_plan.keys if key not in kept],
        data=rewind(standing.data, standing.step_runs, set(standing.done) - set(kept)),
    )


def reached_steps(plan: Plan, done: Sequence[str]) -> list[str]:
    """Return the steps that have run or would run next."""
    reached: list[str] = []
    for stage in plan.stages:
        reached += [step.key for step in stage]
        if any(step.key not in done for step in stage):
            break
    return reached


def _dropped_steps(plan: Plan, from_step: str, done: list[str]) -> set[str]:
    """Return the keys of the steps that are to run again."""
    if from_step == FROM_FAILED:
        return set()
    if from_step == FROM_START:
        return set(plan.keys)
    reached = reached_steps(plan, done)
    if from_step not in reached:
        what = "was not reached" if from_step in plan.keys else "does not exist"
        known = ", ".join([FROM_FAILED, FROM_START, *reached])
        raise InvalidInput([Fault("/from", f"The step {from_step!r} {what}; write one of {known}.")])
    return set(plan.keys_from(from_step))


def _unchanged(old: Plan, new: Plan) -> set[str]:
    """Return the steps before the first stage that differs: what comes after it had another input."""
    found: set[str] = set()
    for before, now in zip(old.stages, new.stages, strict=False):
        if _meaning(before) != _meaning(now):
            break
        found |= {step.key for step in before}
    return found


def _meaning(stage: Stage) -> list[tuple[Any, ...]]:
    """Return what makes a stage what it is; where its steps stand in the submitted list does not count."""
    return [(step.key, step.component, step.overrides, step.when, step.on_error) for step in stage]
