"""What all ways of setting a failed context going again have in common: retry, and correct and continue."""

from typing import Any

from base import clock
from base.clock import to_iso
from base.problems import Conflict
from base.turns import write_soon
from components.services import pipeline_get, pipeline_plan
from contexts.acts import Act
from contexts.doorbell import doorbell
from contexts.engine.subscriber import tell_watchers
from contexts.models import Context
from contexts.retry_plan import Standing
from contexts.states import Move, sources
from contexts.submission import title_of
from contexts.updates import retried
from contexts.webhooks.outbox import announce_now


def check_can_retry(context: Context, seen_revision: int | None = None) -> None:
    """Make sure that a context has failed, and is what a person has looked at.

    Raises:
        Conflict: it has not, or is not.
    """
    if context.status not in sources(Move.RETRY):
        raise Conflict(f"{context.pk} is {context.status}; only a failed context can be retried.")
    if seen_revision is not None and context.revision != seen_revision:
        raise _changed(context)


def context_set_going(
    context: Context,
    data: dict[str, Any],
    kept: list[str],
    *,
    act: Act | None,
    columns: dict[str, Any] | None = None,
    **facts: Any,
) -> Context:
    """Make the move of a retry, if the context is still as it was read.

    Args:
        kept: the steps that are not run again.
        columns: what else changes by the same update.
        facts: see `contexts.move_log.entry`.

    Raises:
        Conflict: it has changed since.
    """
    announce_now(Context.objects.filter(pk=context.pk, revision=context.revision))
    values = retried(clock.now(), act, **facts) | {
        "data": data,
        "title": title_of(data),
        "processing": _processing_after(context, kept),
        **(columns or {}),
    }
    rows = Context.objects.filter(pk=context.pk, status__in=sources(Move.RETRY), revision=context.revision)
    if not write_soon(lambda: rows.update(**values)):
        raise _changed(context)
    doorbell.ring()
    tell_watchers()
    context.refresh_from_db()
    return context


def _changed(context: Context) -> Conflict:
    return Conflict(f"{context.pk} has changed meanwhile; look at it again before you retry.")


def standing_of(context: Context) -> Standing:
    """Return what of a context a retry is planned from."""
    done = list(context.processing.get("completed_components", []))
    return Standing(context.pipeline, context.data, context.step_runs, done)


def newest_steps(context: Context) -> list[Any] | None:
    """Return the steps that a context's named pipeline has now; None where they are those that it came with.

    Raises:
        Conflict: the pipeline is gone or switched off.
        InvalidInput: a component of the pipeline is gone.
    """
    if not context.pipeline_id:
        return None
    row = pipeline_get(context.pipeline_id, context.organization_id)
    if row is None:
        raise Conflict(f"The pipeline {context.pipeline_id!r} is gone or switched off; keep the steps of the context.")
    pipeline_plan(row.steps, from_client=False)
    return None if row.steps == context.pipeline else list(row.steps)


def _processing_after(context: Context, kept: list[str]) -> dict[str, Any]:
    """Return ``processing`` as it stands when only the kept steps have run."""
    if not kept:
        return {}
    timings: dict[str, int] = context.processing.get("component_timings", {})
    started = context.processing.get("start_time") or to_iso(context.started_at or context.created_at)
    return {
        "current_component": kept[-1],
        "completed_components": kept,
        "start_time": started,
        "component_timings": {key: timings[key] for key in kept if key in timings},
    }
