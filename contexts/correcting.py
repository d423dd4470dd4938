"""Correct and continue: a person writes the result of a step that is not as it should be, and the rest runs on.

What the component wrote stays in the history: the entry of the correction holds it, beside who corrected it and why.
"""

from typing import Any

from base import clock
from base.clock import to_iso
from base.problems import Conflict, Fault, InvalidInput
from components.errors import PermanentError
from components.pipeline import Plan, Step, parse_pipeline
from contexts.acts import Act, why_read
from contexts.engine.result import check_result
from contexts.going_again import check_can_retry, context_set_going
from contexts.models import Context
from contexts.retry_plan import RetryPlan
from contexts.rewind import CORRECTED, DONE_OUTCOMES, rewind
from contexts.selectors import context_get

Run = dict[str, Any]


def correctable_steps(context: Context) -> list[str]:
    """Return the steps whose result may be corrected: those that are done and have written something."""
    done = context.processing.get("completed_components", [])
    return [key for key in done if (run := done_run(context, key)) and run["wrote"]]


def done_run(context: Context, step_key: str) -> Run | None:
    """Return the entry of the run whose result a context has now."""
    runs = (run for run in reversed(context.step_runs) if run["key"] == step_key and run["outcome"] in DONE_OUTCOMES)
    return next(runs, None)


def result_of(context: Context, step_key: str) -> dict[str, Any]:
    """Return what a step wrote; a later step may have overwritten it since.

    Raises:
        InvalidInput: there is nothing of that step to correct.
    """
    if step_key not in correctable_steps(context):
        known = ", ".join(correctable_steps(context)) or "none"
        raise InvalidInput([Fault("/step", f"The step {step_key!r} wrote nothing to correct; these did: {known}.")])
    run = done_run(context, step_key)
    data = _data_after(context, step_key)
    return {key: data[key] for key in (run["wrote"] if run else []) if key in data}


def _data_after(context: Context, step_key: str) -> dict[str, Any]:
    """Return the data without what the steps after this one did."""
    later = parse_pipeline(context.pipeline).keys_from(step_key)[1:]
    done = set(context.processing["completed_components"])
    return rewind(context.data, context.step_runs, done & set(later))


def context_correct(
    context_id: str,
    step_key: str,
    result: dict[str, Any],
    *,
    organization_id: str | None,
    seen_revision: int,
    act: Act,
) -> Context:
    """Put another result in the place of a step's, and let a failed context run on with the step after it.

    Args:
        result: the keys of ``data`` that the step wrote, all of them.
        seen_revision: the revision whose result the person has edited.
        act: who, and why; the reason is required.

    Raises:
        NotFound: there is no such context, or it is another organization's.
        Conflict: it has not failed, has changed meanwhile, or nothing would change.
        InvalidInput: the step, the result or the reason will not do.
    """
    context = context_get(context_id, organization_id)
    check_can_retry(context, seen_revision)
    why_read(act.why, is_required=True)
    before = result_of(context, step_key)
    if result == before:
        raise Conflict("Nothing is changed yet: correct something, or retry the context instead.")
    check_correction(context, step_key, result)
    plan = parse_pipeline(context.pipeline)
    kept = _kept(context, plan, step_key)
    runs = [*context.step_runs, _corrected_run(context, _step(plan, step_key), before, result, act)]
    data = {**_data_after(context, step_key), **result}
    return context_set_going(context, data, kept, act=act, columns={"step_runs": runs}, steps=len(runs))


def correction_plan(context: Context, step_key: str) -> RetryPlan:
    """Return what is kept and what runs once a step's result is corrected; for a price tag.

    Raises:
        InvalidInput: there is nothing of that step to correct.
    """
    result_of(context, step_key)
    plan = parse_pipeline(context.pipeline)
    kept = _kept(context, plan, step_key)
    again = [key for key in plan.keys if key not in kept]
    return RetryPlan(context.pipeline, kept, again, _data_after(context, step_key))


def check_correction(context: Context, step_key: str, result: dict[str, Any]) -> None:
    """Hold a result that a person wrote to the same limits as a component's.

    Raises:
        InvalidInput: it has other keys than the step wrote, is too large, or cannot be stored.
    """
    before = result_of(context, step_key)
    try:
        check_result(result, allowed=frozenset(before), data=context.data, history=context.step_runs, step_key=step_key)
    except PermanentError as exc:
        raise InvalidInput([Fault("/result", exc.message)]) from exc
    if lacking := sorted(set(before) - set(result)):
        raise InvalidInput([Fault("/result", f"The step {step_key!r} also wrote {', '.join(lacking)}.")])


def _kept(context: Context, plan: Plan, step_key: str) -> list[str]:
    """Return the steps that are not run again: all that do not come after the corrected one."""
    _, *later = plan.keys_from(step_key)
    return [key for key in context.processing["completed_components"] if key not in later]


def _step(plan: Plan, step_key: str) -> Step:
    return next(step for step in plan.steps if step.key == step_key)


def _corrected_run(context: Context, step: Step, before: dict[str, Any], result: dict[str, Any], act: Act) -> Run:
    """Return the history's entry. To undo it is to undo the step: it keeps what stood there before that."""
    replaced_run = done_run(context, step.key) or {}
    now = to_iso(clock.now())
    changed = {key: value for key, value in before.items() if result[key] != value}
    entry: Run = {
        "key": step.key,
        "component": step.component,
        "attempt": context.attempts,
        "started_at": now,
        "ended_at": now,
        "duration_ms": 0,
        "outcome": CORRECTED,
        "error": None,
        "wrote": sorted(result),
        "config": {},
        **dict.fromkeys(("model", "input_tokens", "output_tokens", "cost_usd")),
        "template_id": replaced_run.get("template_id"),
        "template_version": replaced_run.get("template_version"),
        "correction": {"act": act.document(), "before": changed},
    }
    if "replaced" in replaced_run:
        entry["replaced"] = replaced_run["replaced"]
    return entry
