"""Every wish of a person or a client about contexts: submit, cancel, retry. Nobody else moves a context's state.

Each move is one conditional update that names the statuses it comes from; where nothing matched, somebody was
faster or the move is illegal, and nothing was changed.
"""

from typing import Any

from django.db import IntegrityError

from base import clock
from base.inserting import insert
from base.problems import Conflict, Fault, InvalidInput, pointer
from base.strict_json import faults_in
from base.turns import write_soon
from components.pipeline import Plan, parse_pipeline
from contexts import rewind
from contexts.claim_order import lines
from contexts.doorbell import doorbell
from contexts.engine.subscriber import tell_listeners, tell_watchers
from contexts.models import Context, new_context_id
from contexts.selectors import context_get
from contexts.states import Move, sources
from contexts.submission import (
    ContextSubmission,
    PipelineReader,
    Submitter,
    check_data_size,
    check_sizes,
    context_row,
    title_of,
)
from contexts.updates import cancelled, retried
from contexts.webhooks.bell import bell
from contexts.webhooks.outbox import announce_now
from users.idempotency import Idempotency

FROM_FAILED = "failed"
FROM_START = "start"


def context_submit(
    submission: ContextSubmission,
    *,
    submitter: Submitter,
    context_id: str | None = None,
    idempotency: Idempotency | None = None,
) -> tuple[Context, bool]:
    """Store a context and wake a worker. Return it, and whether this is the first such request.

    Of twins with one idempotency key the first is the one that noted the key, whoever of them stores the row.
    Safe to repeat with the same ``context_id`` or idempotency key: the row that is there is returned.

    Raises:
        InvalidInput, TooLarge, IdempotencyMismatch: nothing was stored.
    """
    known = idempotency.find() if idempotency else context_id
    existing = Context.objects.filter(pk=known, organization_id=submitter.organization_id).first() if known else None
    if existing is not None:
        return existing, False
    check_sizes(submission)
    row = context_row(
        submission,
        submitter=submitter,
        pipelines=PipelineReader(submitter.organization_id),
        context_id=known or context_id or new_context_id(),
        moment=clock.now(),
    )
    if idempotency and not known and not idempotency.reserve(row.pk):
        return context_submit(submission, submitter=submitter, idempotency=idempotency)
    lines.join([row])
    context, is_made = _context_insert(row)
    return context, not known if idempotency else is_made


def _context_insert(row: Context) -> tuple[Context, bool]:
    try:
        insert([row])
    except IntegrityError:  # a twin of this request was faster
        existing = Context.objects.filter(pk=row.pk, organization_id=row.organization_id).first()
        if existing is None:
            raise
        return existing, False
    doorbell.ring()
    return row, True


def context_cancel(context_id: str, *, organization_id: str | None) -> Context:
    """End a context that is not finished; its worker notices within half a second and stops.

    Raises:
        NotFound: there is none, or it is another organization's.
        Conflict: it has ended already.
    """
    context = context_get(context_id, organization_id)
    values = cancelled(clock.now(), context.organization_id)
    rows = Context.objects.filter(pk=context.pk, status__in=sources(Move.CANCEL))
    matched = write_soon(lambda: rows.update(**values))
    context.refresh_from_db()
    if not matched:
        raise Conflict(f"{context.pk} is {context.status}; only a context that has not ended can be cancelled.")
    tell_listeners()  # its owner
    tell_watchers()
    bell.ring_for(context.organization_id)
    return context


def context_retry(
    context_id: str,
    *,
    organization_id: str | None,
    from_step: str = FROM_FAILED,
    patch: dict[str, Any] | None = None,
) -> Context:
    """Set a failed context going again, due now.

    Args:
        from_step: ``failed`` (keep every finished step), ``start``, or the key of an earlier step.
        patch: a JSON merge patch on the client's part of ``data``.

    Raises:
        NotFound: there is none, or it is another organization's.
        Conflict: it has not failed.
        InvalidInput: no such step, one that was not reached, or the patch touches what a kept step wrote.
        TooLarge: with the patch, the client's part of ``data`` is larger than it may be.
    """
    context = context_get(context_id, organization_id)
    if context.status not in sources(Move.RETRY):
        raise Conflict(f"{context.pk} is {context.status}; only a failed context can be retried.")
    done: list[str] = context.processing.get("completed_components", [])
    dropped = _dropped_steps(context, from_step, done)
    kept = [key for key in done if key not in dropped]
    data = rewind.rewind(context.data, context.step_runs, set(done) - set(kept))
    data = _patched(data, patch, rewind.keys_written_by(context.step_runs, set(kept)))
    announce_now(Context.objects.filter(pk=context.pk, revision=context.revision))
    now = clock.now()
    values = retried(now) | {
        "data": data,
        "title": title_of(data),
        "processing": _processing_after(context.processing, kept),
    }
    rows = Context.objects.filter(pk=context.pk, status__in=sources(Move.RETRY), revision=context.revision)
    matched = write_soon(lambda: rows.update(**values))
    if not matched:
        raise Conflict(f"{context.pk} has changed meanwhile; look at it again before you retry.")
    doorbell.ring()
    tell_watchers()
    context.refresh_from_db()
    return context


def _dropped_steps(context: Context, from_step: str, done: list[str]) -> set[str]:
    """Return the keys of the steps that are to run again."""
    plan: Plan = parse_pipeline(context.pipeline)
    if from_step == FROM_FAILED:
        return set()
    if from_step == FROM_START:
        return set(plan.keys)
    reached = _reached(plan, done)
    if from_step not in reached:
        what = "was not reached" if from_step in plan.keys else "does not exist"
        known = ", ".join([FROM_FAILED, FROM_START, *reached])
        raise InvalidInput([Fault("/from", f"The step {from_step!r} {what}; write one of {known}.")])
    return set(plan.keys_from(from_step))


def _reached(plan: Plan, done: list[str]) -> list[str]:
    """Return the steps that have run or would run next."""
    reached: list[str] = []
    for stage in plan.stages:
        reached += [step.key for step in stage]
        if any(step.key not in done for step in stage):
            break
    return reached


def _patched(data: dict[str, Any], patch: dict[str, Any] | None, written_by: dict[str, str]) -> dict[str, Any]:
    if not patch:
        return data
    faults = [
        Fault(
            pointer("data", key),
            f"The step {written_by[key]!r} wrote this and is kept; retry from that step or an earlier one.",
        )
        for key in patch
        if key in written_by
    ]
    if faults:
        raise InvalidInput(faults)
    merged = rewind.merge_patch(data, patch)
    if too_deep := faults_in(merged, "/data"):
        raise InvalidInput(too_deep)
    check_data_size({key: value for key, value in merged.items() if key not in written_by})
    return merged


def _processing_after(processing: dict[str, Any], kept: list[str]) -> dict[str, Any]:
    """Return ``processing`` as it stands when only the kept steps have run."""
    if not kept:
        return {}
    timings: dict[str, int] = processing.get("component_timings", {})
    return {
        "current_component": kept[-1],
        "completed_components": kept,
        "start_time": processing["start_time"],
        "component_timings": {key: timings[key] for key in kept if key in timings},
    }
