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
from contexts import rewind
from contexts.acts import Act
from contexts.claim_order import lines
from contexts.doorbell import doorbell
from contexts.engine.subscriber import tell_listeners, tell_watchers
from contexts.going_again import check_can_retry, context_set_going, newest_steps, standing_of
from contexts.models import Context, new_context_id
from contexts.retry_plan import FROM_FAILED, FROM_START, RetryWish, retry_plan
from contexts.selectors import context_get
from contexts.states import Move, sources
from contexts.submission import (
    ContextSubmission,
    PipelineReader,
    Submitter,
    check_data_size,
    check_sizes,
    context_row,
)
from contexts.updates import cancelled
from contexts.webhooks.bell import bell
from users.idempotency import Idempotency

__all__ = ["FROM_FAILED", "FROM_START", "context_cancel", "context_retry", "context_submit"]


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


def context_cancel(context_id: str, *, organization_id: str | None, act: Act | None = None) -> Context:
    """End a context that is not finished; its worker notices within half a second and stops.

    Raises:
        NotFound: there is none, or it is another organization's.
        Conflict: it has ended already.
    """
    context = context_get(context_id, organization_id)
    values = cancelled(clock.now(), context.organization_id, act)
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
    keep_template: bool = False,
    newest_pipeline: bool = False,
    seen_revision: int | None = None,
    act: Act | None = None,
) -> Context:
    """Set a failed context going again, due now.

    Args:
        from_step: ``failed`` (keep every finished step), ``start``, or the key of an earlier step.
        patch: a JSON merge patch on the client's part of ``data``.
        keep_template: stay with the template version that was chosen, whatever runs again.
        newest_pipeline: take the steps that its named pipeline has now, see `newest_steps`.
        seen_revision: what the person has looked at; None where nobody did.

    Raises:
        NotFound: there is none, or it is another organization's.
        Conflict: it has not failed, or is not what was looked at.
        InvalidInput: no such step, one that was not reached, or the patch touches what a kept step wrote.
        TooLarge: with the patch, the client's part of ``data`` is larger than it may be.
    """
    context = context_get(context_id, organization_id)
    check_can_retry(context, seen_revision)
    steps = newest_steps(context) if newest_pipeline else None
    plan = retry_plan(standing_of(context), RetryWish(from_step, keep_template, steps))
    data = _patched(plan.data, patch, rewind.keys_written_by(context.step_runs, set(plan.kept)))
    pipeline = {} if steps is None else {"pipeline": plan.pipeline}
    return context_set_going(context, data, plan.kept, act=act, columns=pipeline)


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
