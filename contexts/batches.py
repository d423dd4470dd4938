"""Bulk submission without transactions, and what people wish of whole batches.

Order of writes: the batch row as ``accepting``; its contexts as held rows, which nobody sees; the batch row as
``accepted``, the commit point; then the held rows are released. A crash before the commit point leaves rows that
the sweep removes, a crash after it rows that the sweep releases. The contexts' ids follow from the batch's id, so
that a repeated submission inserts only what is missing.
"""

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError
from django.db.models import ProtectedError
from ulid import ULID

from base import clock
from base.inserting import insert, insert_missing
from base.locks import one_at_a_time
from base.problems import MAX_FAULTS, Conflict, Fault, InvalidInput, TooLarge
from base.turns import write_soon
from base.validation import read_model
from contexts.acts import Act
from contexts.claim_order import lines
from contexts.doorbell import doorbell
from contexts.engine.subscriber import tell_listeners, tell_watchers
from contexts.models import Batch, BatchState, Context, new_batch_id
from contexts.selectors import VISIBLE_BATCHES, batch_get
from contexts.states import Move, Status, sources, target
from contexts.submission import ContextSubmission, PipelineReader, Submitter, check_sizes, context_row
from contexts.updates import cancelled, retried
from contexts.webhooks.bell import bell
from contexts.webhooks.outbox import announce_now
from users.idempotency import Idempotency

MAX_CONTEXTS = 10_000
INSERT_CHUNK = 500
ABANDONED_AFTER = timedelta(minutes=5)


def batch_submit(
    items: Sequence[Any],
    *,
    submitter: Submitter,
    name: str = "",
    priority: int | None = None,
    batch_id: str | None = None,
    idempotency: Idempotency | None = None,
) -> tuple[Batch, bool]:
    """Store all contexts or none. Return the batch, and whether this is the first such request.

    Of twins with one idempotency key the first is the one that noted the key, whoever of them passes the commit point.
    Safe to repeat with the same items and the same ``batch_id`` or idempotency key.

    Args:
        items: contexts as they were posted, or `ContextSubmission`s; read here, so that one answer lists all faults.

    Raises:
        InvalidInput, TooLarge: every bad item by its path; nothing was stored.
        IdempotencyMismatch: the key was used with other items.
        Conflict: the batch was given up by the sweep; the same request succeeds once that has removed it.
    """
    known = idempotency.find() if idempotency else batch_id
    existing = Batch.objects.filter(pk=known).first() if known else None
    if existing is not None and existing.state != BatchState.ACCEPTING:
        return _batch_finished(existing), False
    wish = _Wish(items, submitter, priority)
    new_id, moment = known or batch_id or new_batch_id(), existing.created_at if existing else clock.now()
    rows = wish.rows(new_id, moment)
    if idempotency and not known and not idempotency.reserve(new_id):
        return batch_submit(items, submitter=submitter, name=name, priority=priority, idempotency=idempotency)
    batch = existing or _batch_begin(new_id, submitter, name, len(rows), moment)
    if batch.created_at != moment:  # a twin's row: the ids follow from its time
        rows = wish.rows(batch.pk, batch.created_at)
    lines.join(rows)
    for start in range(0, len(rows), INSERT_CHUNK):
        _insert_missing(rows[start : start + INSERT_CHUNK])
    accepted = _batch_accept(batch)
    batch_release(batch.pk)
    doorbell.ring()
    batch.refresh_from_db()
    return batch, not known if idempotency else accepted


def _batch_finished(batch: Batch) -> Batch:
    """Return a batch that passed its commit point before, and do what a crash after that left undone.

    Raises:
        Conflict: it was given up.
    """
    if batch.state == BatchState.ABANDONED:
        raise _given_up()
    batch_release(batch.pk)
    return batch


@dataclass(frozen=True)
class _Wish:
    """What is to be stored, and for whom."""

    items: Sequence[Any]
    submitter: Submitter
    priority: int | None

    def rows(self, batch_id: str, moment: datetime) -> list[Context]:
        """Return the rows to store.

        Raises:
            InvalidInput, TooLarge: after all items were looked at.
        """
        pipelines = PipelineReader(self.submitter.organization_id)
        rows: list[Context] = []
        faults: list[list[Fault]] = []
        too_large: list[Fault] = []
        for place, item in enumerate(self.items):
            try:
                rows.append(self._row(item, place, batch_id, moment, pipelines))
            except InvalidInput as exc:
                faults.append([fault.under(f"/contexts/{place}") for fault in exc.errors])
            except TooLarge as exc:
                too_large += [fault.under(f"/contexts/{place}") for fault in exc.errors]
        if faults:
            raise InvalidInput(_bounded([*faults, *([fault] for fault in too_large)]))
        if too_large:
            raise TooLarge("Some contexts are too large; nothing was stored.", too_large)
        return rows

    def _row(self, item: Any, place: int, batch_id: str, moment: datetime, pipelines: PipelineReader) -> Context:
        submission = item if isinstance(item, ContextSubmission) else read_model(ContextSubmission, item)
        check_sizes(submission)
        return context_row(
            submission,
            submitter=self.submitter,
            pipelines=pipelines,
            context_id=context_id_in(batch_id, moment, place),
            moment=moment,
            batch_id=batch_id,
            priority=self.priority,
        )


def _bounded(faults_by_item: list[list[Fault]]) -> list[Fault]:
    """Return all faults, or the first of each item where they are too many for one answer."""
    if sum(map(len, faults_by_item)) > MAX_FAULTS:
        return [faults[0] for faults in faults_by_item]
    return [fault for faults in faults_by_item for fault in faults]


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
        insert([batch])
    except IntegrityError:  # a twin of this request was faster; both insert the same ids
        return Batch.objects.get(pk=batch_id)
    return batch


def _insert_missing(rows: Sequence[Context]) -> None:
    """Insert the rows whose ids are not there yet."""
    try:
        insert_missing(rows)
    except IntegrityError as exc:
        if Batch.objects.filter(pk=rows[0].batch_id).exists():
            raise
        raise _given_up() from exc


def _batch_accept(batch: Batch) -> bool:
    """Pass the commit point; True for the one call that did."""
    accepting = Batch.objects.filter(pk=batch.pk, state=BatchState.ACCEPTING)
    matched = write_soon(lambda: accepting.update(state=BatchState.ACCEPTED, updated_at=clock.now()))
    if not matched and not Batch.objects.filter(pk=batch.pk, state__in=VISIBLE_BATCHES).exists():
        raise _given_up()
    return bool(matched)


def _given_up() -> Conflict:
    return Conflict("This bulk submission took too long and was given up; send it again in a minute.")


def batch_release(batch_id: str) -> None:
    """Make the held contexts of an accepted batch claimable; safe to repeat."""
    held = Context.objects.filter(batch_id=batch_id, status__in=sources(Move.RELEASE))
    write_soon(lambda: held.update(status=target(Move.RELEASE)))


def batch_cancel(batch_id: str, *, organization_id: str | None, act: Act | None = None) -> Batch:
    """Cancel every context of a batch that has not ended.

    Raises:
        NotFound: there is none, or it is another organization's.
        Conflict: nothing in it is open.
        Busy: somebody else cancels or retries it now.
    """
    batch = batch_get(batch_id, organization_id)
    with _moving(batch):
        batch.refresh_from_db()  # somebody may have moved it before the lock was ours
        _batch_cancel(batch, act)
    tell_listeners()  # the owners
    tell_watchers()
    bell.ring_for(batch.organization_id)
    batch.refresh_from_db()
    return batch


def _moving(batch: Batch) -> AbstractContextManager[None]:
    """Move a batch as a whole: who cancels while another retries would leave half of each."""
    busy = f"Somebody else cancels or retries {batch.pk} at this moment; look at it again, then decide."
    return one_at_a_time(f"batch:{batch.pk}", busy)


def _batch_cancel(batch: Batch, act: Act | None) -> None:
    batch_release(batch.pk)  # accepted rows that a crash left held would otherwise run later
    now = clock.now()
    rows = Context.objects.filter(batch_id=batch.pk, status__in=sources(Move.CANCEL))
    nothing_open = Conflict(f"Nothing in {batch.pk} is open; there is nothing to cancel.")
    if not rows.exists():
        raise nothing_open
    # the batch first: after a crash between the two, the same wish cancels the rest
    Batch.objects.filter(pk=batch.pk).update(state=BatchState.CANCELLED, updated_at=now)
    values = cancelled(now, batch.organization_id, act)
    if not write_soon(lambda: rows.update(**values)):  # all ended by themselves at the same moment
        Batch.objects.filter(pk=batch.pk).update(state=batch.state)
        raise nothing_open


def batch_retry_failed(batch_id: str, *, organization_id: str | None, act: Act | None = None) -> tuple[Batch, int]:
    """Set every failed context of a batch going again at its failed step. Return how many there were.

    Raises:
        NotFound: there is none, or it is another organization's.
        Conflict: none has failed.
        Busy: somebody else cancels or retries it now.
    """
    batch = batch_get(batch_id, organization_id)
    now = clock.now()
    rows = Context.objects.filter(batch_id=batch.pk, status__in=sources(Move.RETRY))
    none_failed = Conflict(f"No context of {batch.pk} has failed.")
    with _moving(batch):
        if not rows.exists():
            raise none_failed
        announce_now(Context.objects.filter(batch_id=batch.pk))
        # what has ended since then waits for its announcement, and for the next wish
        matched = write_soon(lambda: rows.exclude(announce=True).update(**retried(now, act)))
        if not matched:
            raise none_failed
        Batch.objects.filter(pk=batch.pk).update(state=BatchState.ACCEPTED, updated_at=now)
    doorbell.ring()
    tell_watchers()
    batch.refresh_from_db()
    return batch, matched


def batches_repair() -> int:
    """Finish or remove what a crash left of bulk submissions; the sweep calls it. Return how many were touched."""
    touched = _release_accepted()
    cutoff = clock.now() - ABANDONED_AFTER
    stale = Batch.objects.filter(state=BatchState.ACCEPTING, created_at__lt=cutoff)
    for batch in list(stale[:INSERT_CHUNK]):
        # from here on the submission can no longer pass its commit point
        if Batch.objects.filter(pk=batch.pk, state=BatchState.ACCEPTING).update(state=BatchState.ABANDONED):
            touched += 1
    for batch in list(Batch.objects.filter(state=BatchState.ABANDONED)[:INSERT_CHUNK]):
        Context.objects.filter(batch_id=batch.pk, status=Status.HELD).delete()
        # a slow submitter may add rows between the two deletes: then the next sweep goes on
        with suppress(ProtectedError):
            batch.delete()
    return touched + _remove_orphans(cutoff)


def _release_accepted() -> int:
    held = Context.objects.filter(status=Status.HELD, batch__state__in=VISIBLE_BATCHES)
    batch_ids = list(held.order_by().values_list("batch_id", flat=True).distinct()[:INSERT_CHUNK])
    for batch_id in batch_ids:
        batch_release(str(batch_id))
    return len(batch_ids)


def _remove_orphans(cutoff: datetime) -> int:
    """Remove held rows that a slow submitter added after their batch was gone; only MongoDB lets it."""
    held = Context.objects.filter(status=Status.HELD, created_at__lt=cutoff)
    batch_ids = set(held.order_by().values_list("batch_id", flat=True).distinct()[:INSERT_CHUNK])
    orphaned = batch_ids - set(Batch.objects.filter(pk__in=batch_ids).values_list("pk", flat=True))
    for batch_id in orphaned:
        Context.objects.filter(batch_id=batch_id, status=Status.HELD).delete()
    return len(orphaned)
