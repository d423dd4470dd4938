"""Bulk submission without transactions, and what people wish of whole batches.

Order of writes: the batch row as ``accepting``; its contexts as held rows, which nobody sees; the batch row as
``accepted``, the commit point; then the held rows are released. A crash before the commit point leaves rows that
the sweep removes, a crash after it rows that the sweep releases. The contexts' ids follow from the batch's id, so
that a repeated submission inserts only what is missing.
"""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, ProtectedError
from ulid import ULID

from base import clock
from base.problems import Conflict, Fault, InvalidInput, TooLarge
from contexts.doorbell import doorbell
from contexts.models import Batch, BatchState, Context, new_batch_id
from contexts.selectors import VISIBLE_BATCHES, batch_get
from contexts.states import Move, Status, sources, target
from contexts.submission import ContextSubmission, PipelineReader, Submitter, check_sizes, context_row

MAX_CONTEXTS = 10_000
INSERT_CHUNK = 500
ABANDONED_AFTER = timedelta(minutes=5)


def batch_submit(
    submissions: Sequence[ContextSubmission],
    *,
    submitter: Submitter,
    name: str = "",
    priority: int | None = None,
    batch_id: str | None = None,
) -> tuple[Batch, bool]:
    """Store all contexts or none. Return the batch, and whether this call accepted it.

    Safe to repeat with the same ``batch_id`` and the same submissions.

    Raises:
        InvalidInput, TooLarge: every bad item by its path; nothing was stored.
    """
    batch_id = batch_id or new_batch_id()
    existing = Batch.objects.filter(pk=batch_id).first()
    if existing is not None and existing.state != BatchState.ACCEPTING:
        return existing, False
    moment = existing.created_at if existing else clock.now()
    rows = _rows(submissions, submitter, batch_id, moment, priority)
    batch = existing or _batch_begin(batch_id, submitter, name, len(rows), moment)
    for start in range(0, len(rows), INSERT_CHUNK):
        _insert_missing(rows[start : start + INSERT_CHUNK])
    accepted = _batch_accept(batch)
    batch_release(batch.pk)
    doorbell.ring()
    batch.refresh_from_db()
    return batch, accepted


def _rows(
    submissions: Sequence[ContextSubmission],
    submitter: Submitter,
    batch_id: str,
    moment: datetime,
    priority: int | None,
) -> list[Context]:
    """Return the rows to store.

    Raises:
        InvalidInput, TooLarge: after all items were looked at.
    """
    pipelines = PipelineReader(submitter.organization_id)
    rows: list[Context] = []
    faults: list[Fault] = []
    too_large: list[Fault] = []
    for place, submission in enumerate(submissions):
        try:
            check_sizes(submission)
            row = context_row(
                submission,
                submitter=submitter,
                pipelines=pipelines,
                context_id=context_id_in(batch_id, moment, place),
                moment=moment,
                batch_id=batch_id,
                place=place,
                priority=priority,
            )
            rows.append(row)
        except InvalidInput as exc:
            faults += [fault.under(f"/contexts/{place}") for fault in exc.errors]
        except TooLarge as exc:
            too_large += [fault.under(f"/contexts/{place}") for fault in exc.errors]
    if faults:
        raise InvalidInput([*faults, *too_large])
    if too_large:
        raise TooLarge("Some contexts are too large; nothing was stored.", too_large)
    return rows


def context_id_in(batch_id: str, moment: datetime, place: int) -> str:
    """Return the id of the context at ``place``: a ULID of the batch's time, sorted by place, the same every time."""
    fingerprint = hashlib.sha256(batch_id.encode()).digest()[:7]
    milliseconds = int(moment.timestamp() * 1000)
    return f"ctx_{ULID.from_bytes(milliseconds.to_bytes(6, 'big') + fingerprint + place.to_bytes(3, 'big'))}"


def _batch_begin(batch_id: str, submitter: Submitter, name: str, total: int, moment: datetime) -> Batch:
    batch = Batch(
        id=batch_id,
        organization_id=submitter.organization_id,
        user_id=submitter.user_id,
        name=name,
        total=total,
        created_at=moment,
        updated_at=moment,
    )
    try:
        with transaction.atomic():
            batch.save(force_insert=True)
    except IntegrityError:  # a twin of this request was faster; both insert the same ids
        return Batch.objects.get(pk=batch_id)
    return batch


def _insert_missing(rows: Iterable[Context]) -> None:
    """Insert the rows whose ids are not there yet."""
    wanted = {row.pk: row for row in rows}
    present = set(Context.objects.filter(pk__in=list(wanted)).values_list("pk", flat=True))
    missing = [row for key, row in wanted.items() if key not in present]
    try:
        with transaction.atomic():
            Context.objects.bulk_create(missing)
    except IntegrityError:
        for row in missing:
            _insert_one(row)


def _insert_one(row: Context) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        if not Context.objects.filter(pk=row.pk).exists():
            raise


def _batch_accept(batch: Batch) -> bool:
    """Pass the commit point; True for the one call that did."""
    matched = Batch.objects.filter(pk=batch.pk, state=BatchState.ACCEPTING).update(
        state=BatchState.ACCEPTED, updated_at=clock.now()
    )
    if not matched and not Batch.objects.filter(pk=batch.pk, state__in=VISIBLE_BATCHES).exists():
        raise Conflict("This bulk submission took too long and was given up; send it again with a new key.")
    return bool(matched)


def batch_release(batch_id: str) -> None:
    """Make the held contexts of an accepted batch claimable; safe to repeat."""
    Context.objects.filter(batch_id=batch_id, status__in=sources(Move.RELEASE)).update(status=target(Move.RELEASE))


def batch_cancel(batch_id: str, *, organization_id: str | None) -> Batch:
    """Cancel every context of a batch that has not ended.

    Raises:
        NotFound: there is none, or it is another organization's.
        Conflict: nothing in it is open.
    """
    batch = batch_get(batch_id, organization_id)
    now = clock.now()
    matched = Context.objects.filter(batch_id=batch.pk, status__in=sources(Move.CANCEL)).update(
        status=target(Move.CANCEL),
        lease_token="",
        next_retry_at=None,
        waiting_for="",
        ended_at=now,
        updated_at=now,
        revision=F("revision") + 1,
    )
    if not matched:
        raise Conflict(f"Nothing in {batch.pk} is open; there is nothing to cancel.")
    Batch.objects.filter(pk=batch.pk).update(state=BatchState.CANCELLED, updated_at=now)
    batch.refresh_from_db()
    return batch


def batch_retry_failed(batch_id: str, *, organization_id: str | None) -> tuple[Batch, int]:
    """Set every failed context of a batch going again at its failed step. Return how many there were.

    Raises:
        NotFound: there is none, or it is another organization's.
        Conflict: none has failed.
    """
    batch = batch_get(batch_id, organization_id)
    now = clock.now()
    matched = Context.objects.filter(batch_id=batch.pk, status__in=sources(Move.RETRY)).update(
        status=target(Move.RETRY),
        error=None,
        ended_at=None,
        next_retry_at=now,
        retry_count=0,
        worker_losses=0,
        waiting_for="",
        updated_at=now,
        revision=F("revision") + 1,
    )
    if not matched:
        raise Conflict(f"No context of {batch.pk} has failed.")
    Batch.objects.filter(pk=batch.pk).update(state=BatchState.ACCEPTED, updated_at=now)
    doorbell.ring()
    batch.refresh_from_db()
    return batch, matched


def batches_repair() -> int:
    """Finish or remove what a crash left of bulk submissions; the sweep calls it. Return how many were touched."""
    touched = 0
    accepted = Context.objects.filter(status=Status.HELD, batch__state=BatchState.ACCEPTED)
    for batch_id in list(accepted.values_list("batch_id", flat=True).distinct()[:INSERT_CHUNK]):
        batch_release(str(batch_id))
        touched += 1
    stale = Batch.objects.filter(state=BatchState.ACCEPTING, created_at__lt=clock.now() - ABANDONED_AFTER)
    for batch in list(stale[:INSERT_CHUNK]):
        # from here on the submission can no longer pass its commit point
        if Batch.objects.filter(pk=batch.pk, state=BatchState.ACCEPTING).update(state=BatchState.ABANDONED):
            touched += 1
    for batch in list(Batch.objects.filter(state=BatchState.ABANDONED)[:INSERT_CHUNK]):
        Context.objects.filter(batch_id=batch.pk, status=Status.HELD).delete()
        # a slow submitter may add rows between the two deletes: then the next sweep goes on
        with suppress(ProtectedError):
            batch.delete()
    return touched
