"""Every read of contexts and batches that people and clients make. Held rows are nobody's business."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from base import clock
from base.clock import cut_to_milliseconds
from base.ids import ID_MAX_LENGTH, first_id_at
from base.prepared import Prepared
from base.problems import NotFound
from contexts.models import Batch, BatchState, Context
from contexts.states import ENDED, OPEN, VISIBLE, Status

ID_TEXT = re.compile(r"ctx_[0-9A-Za-z]*", re.IGNORECASE)
ULID_TEXT = re.compile(r"[0-9][0-9A-Za-z]{5,25}")
BATCH_ID_TEXT = re.compile(r"batch_[0-9A-Za-z]*", re.IGNORECASE)
AFTER_ALL_TEXT = "\U0010ffff"
FAILED_IDS_SHOWN = 1000
MAX_MINUTES = 60 * 24 * 365  # an estimate beyond a year tells nothing
# a row's id and its created_at are made one after the other, perhaps by machines whose clocks differ
CLOCK_SLACK = timedelta(hours=1)
VISIBLE_BATCHES = (BatchState.ACCEPTED, BatchState.CANCELLED)


def contexts_visible(organization_id: str | None) -> QuerySet[Context]:
    """Return the contexts of an organization; None means of all."""
    # exclude, not status__in: with a list of statuses SQLite sorts all rows instead of reading along the primary key
    rows = Context.objects.exclude(status=Status.HELD)
    return rows if organization_id is None else rows.filter(organization_id=organization_id)


@dataclass(frozen=True)
class ContextFilter:
    """Which contexts are asked for; what is empty does not count.

    Args:
        error_type, error_component: the kind of the error and the step where it happened; of failed contexts, where no
            status is named.
        template_id: what the context was written with.
        text: what the id begins with where it is the beginning of an id, else what the title contains.
    """

    statuses: Sequence[str] = ()
    type: str | None = None
    batch_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    text: str | None = None
    error_type: str | None = None
    error_component: str | None = None
    template_id: str | None = None
    pipeline_id: str | None = None


def contexts_find(organization_id: str | None, wanted: ContextFilter) -> QuerySet[Context]:
    """Return the contexts that fit, as lists show them: without what may be megabytes of data."""
    rows = _narrowed(contexts_visible(None), organization_id, wanted)
    rows = _created(rows if wanted.type is None else _of_type(rows, wanted), wanted)
    if text := (wanted.text or "").strip():
        rows = rows.filter(_holds(text))
    return rows.defer("data", "step_runs", "moves")


def _holds(text: str) -> Q:
    if ID_TEXT.fullmatch(text):
        return id_begins(text[4:])
    return Q(title__icontains=text)


def id_begins(ulid: str) -> Q:
    """Match ids by their beginning, as a range: the primary key's index finds it on every database."""
    return _begins("ctx", ulid)


def _begins(prefix: str, ulid: str) -> Q:
    first = f"{prefix}_{ulid.upper()}"
    return Q(pk__gte=first, pk__lt=first + AFTER_ALL_TEXT)


def _narrowed(rows: QuerySet[Context], organization_id: str | None, wanted: ContextFilter) -> QuerySet[Context]:
    """Keep what fits, read along the index that leaves the fewest rows: a batch's, an error's, a recipe's."""
    if wanted.batch_id:
        rows = _of_batch(rows, organization_id, wanted)
    elif _is_about_errors(wanted):
        rows = _of_all(
            _owned(rows, organization_id), None, replace(wanted, statuses=wanted.statuses or [Status.FAILED])
        )
    elif wanted.template_id or wanted.pipeline_id:
        rows = _owned(rows, organization_id)
        rows = with_status_in_batch(rows, wanted.statuses) if wanted.statuses else rows
    else:
        return _of_all(rows, organization_id, wanted)
    names = ("error_type", "error_component", "template_id", "pipeline_id")
    return rows.filter(**{name: value for name in names if (value := getattr(wanted, name))})


def _is_about_errors(wanted: ContextFilter) -> bool:
    return bool(wanted.error_type or wanted.error_component)


def _owned(rows: QuerySet[Context], organization_id: str | None) -> QuerySet[Context]:
    return rows if organization_id is None else with_owner_in_batch(rows, organization_id)


def _of_all(rows: QuerySet[Context], organization_id: str | None, wanted: ContextFilter) -> QuerySet[Context]:
    rows = rows if organization_id is None else rows.filter(organization_id=organization_id)
    if len(wanted.statuses) == 1:  # not as a list of one: SQLite would not see that an index of failed rows fits
        return rows.filter(status=wanted.statuses[0])
    return rows.filter(status__in=list(wanted.statuses)) if wanted.statuses else rows


def _of_type(rows: QuerySet[Context], wanted: ContextFilter) -> QuerySet[Context]:
    """Keep the rows of a type, along its index where nothing else leaves fewer: one status, an error, a template."""
    leaves_fewer = wanted.batch_id or wanted.template_id or wanted.pipeline_id or _is_about_errors(wanted)
    if len(wanted.statuses) == 1 or leaves_fewer:
        return rows.alias(kind=Coalesce("type", Value(""))).filter(kind=wanted.type)
    return rows.filter(type=wanted.type)


def _of_batch(rows: QuerySet[Context], organization_id: str | None, wanted: ContextFilter) -> QuerySet[Context]:
    """Read along the batch's own index: SQLite would rather read an organization's or a status's rows in order.

    What is compared as an expression has no index that could be taken.
    """
    rows = _owned(rows.filter(batch_id=wanted.batch_id), organization_id)
    return with_status_in_batch(rows, wanted.statuses) if wanted.statuses else rows


def with_owner_in_batch(rows: QuerySet[Context], organization_id: str) -> QuerySet[Context]:
    """Keep the rows of an organization, without the indexes of the organization: the batch's has fewer rows."""
    return rows.alias(owner=Coalesce("organization_id", Value(""))).filter(owner=organization_id)


def with_status_in_batch(rows: QuerySet[Context], statuses: Iterable[str]) -> QuerySet[Context]:
    """Keep the rows of these statuses, without the indexes of the status: the batch's, or the order, is worth more."""
    return rows.alias(state=Coalesce("status", Value(""))).filter(state__in=list(statuses))


def _created(rows: QuerySet[Context], wanted: ContextFilter) -> QuerySet[Context]:
    """Keep what was made within the times; the id bounds the search, because the time of creation has no index."""
    if start := wanted.created_after:
        rows = rows.filter(created_at__gt=start, pk__gte=first_id_at("ctx", start, shift=-CLOCK_SLACK))
    if end := wanted.created_before:
        rows = rows.filter(created_at__lt=end, pk__lt=first_id_at("ctx", end, shift=CLOCK_SLACK))
    return rows


_any_context = Prepared(lambda context_id: contexts_visible(None).filter(pk=context_id))
_own_context = Prepared(lambda context_id, organization_id: contexts_visible(organization_id).filter(pk=context_id))


def context_get(context_id: str, organization_id: str | None, *, without: Sequence[str] = ()) -> Context:
    """Return one context.

    Args:
        without: columns that are not needed.

    Raises:
        NotFound: there is none, or it is another organization's.
    """
    if without:
        context = contexts_visible(organization_id).filter(pk=context_id).defer(*without).first()
    elif organization_id is None:
        context = _any_context.find(context_id)
    else:
        context = _own_context.find(context_id, organization_id)
    if context is None:
        raise NotFound(f"There is no context {context_id[:ID_MAX_LENGTH]!r}.")
    return context


def batches_visible(organization_id: str | None) -> QuerySet[Batch]:
    """Return the accepted batches of an organization; None means of all."""
    rows = Batch.objects.filter(state__in=VISIBLE_BATCHES)
    return rows if organization_id is None else rows.filter(organization_id=organization_id)


@dataclass(frozen=True)
class BatchFilter:
    """Which batches are asked for; what is empty does not count.

    Args:
        text: what the id begins with where it is the beginning of an id, else what the name contains.
    """

    created_after: datetime | None = None
    created_before: datetime | None = None
    text: str | None = None


def batches_find(organization_id: str | None, wanted: BatchFilter) -> QuerySet[Batch]:
    """Return the batches that fit."""
    rows = batches_visible(organization_id)
    if start := wanted.created_after:
        rows = rows.filter(created_at__gt=start, pk__gte=first_id_at("batch", start, shift=-CLOCK_SLACK))
    if end := wanted.created_before:
        rows = rows.filter(created_at__lt=end, pk__lt=first_id_at("batch", end, shift=CLOCK_SLACK))
    text = (wanted.text or "").strip()
    if BATCH_ID_TEXT.fullmatch(text):
        return rows.filter(_begins("batch", text.partition("_")[2]))
    return rows.filter(name__icontains=text) if text else rows


def batches_of_status(batches: Sequence[Batch], status: str) -> list[Batch]:
    """Keep the batches that have a derived status: the database is asked for what is open or failed of these alone.

    As a sub-query MongoDB would first look up the contexts of every batch there is.
    """
    is_open = _batches_with(batches, Status.HELD, *OPEN)
    if status == "processing":
        return [batch for batch in batches if batch.pk in is_open]
    ended = [batch for batch in batches if batch.pk not in is_open]
    if status == "cancelled":
        return [batch for batch in ended if batch.state == BatchState.CANCELLED]
    uncancelled = [batch for batch in ended if batch.state != BatchState.CANCELLED]
    failed = _batches_with(uncancelled, Status.FAILED)
    return [batch for batch in uncancelled if (batch.pk in failed) == (status == "completed_with_failures")]


def _batches_with(batches: Sequence[Batch], *statuses: str) -> set[str]:
    ids = [batch.pk for batch in batches]
    rows = Context.objects.filter(batch_id__in=ids, status__in=[str(status) for status in statuses])
    return set(rows.order_by().values_list("batch_id", flat=True).distinct())


def batch_get(batch_id: str, organization_id: str | None) -> Batch:
    """Return one batch.

    Raises:
        NotFound: there is none, or it is another organization's.
    """
    batch = batches_visible(organization_id).filter(pk=batch_id).first()
    if batch is None:
        raise NotFound(f"There is no batch {batch_id[:ID_MAX_LENGTH]!r}.")
    return batch


@dataclass(frozen=True)
class BatchProgress:
    """How far a batch is.

    Args:
        rate_per_minute: contexts ended a minute since the batch was made; None before the first.
        estimated_end: at that rate; None where nothing is open or no rate is known.
    """

    status: str
    counts: dict[str, int]
    progress: float
    rate_per_minute: float | None
    estimated_end: datetime | None
    failed_ids: list[str]


def batch_progress(batch: Batch, *, with_failed_ids: bool = True) -> BatchProgress:
    """Return where a batch stands, derived from its contexts."""
    progress = batches_progress([batch])[batch.pk]
    if not with_failed_ids:
        return progress
    return replace(progress, failed_ids=_failed_ids(batch)) if progress.counts[Status.FAILED] else progress


def batches_progress(batches: Iterable[Batch]) -> dict[str, BatchProgress]:
    """Return where each batch stands, by its id, with one query and without the failed ids."""
    found = {batch.pk: batch for batch in batches}
    rows = Context.objects.filter(batch_id__in=list(found)).order_by()
    counted = rows.values("batch_id", "status").annotate(number=Count("*"), last=Max("ended_at"))
    by_batch: dict[str, list[dict[str, Any]]] = {key: [] for key in found}
    for row in counted:
        by_batch[row["batch_id"]].append(dict(row))
    return {key: _progress(batch, by_batch[key]) for key, batch in found.items()}


def _progress(batch: Batch, rows: list[dict[str, Any]]) -> BatchProgress:
    # held rows are accepted and about to be released: to a client they are pending
    counts: Counter[str] = Counter()
    for row in rows:
        counts[Status.PENDING if row["status"] == Status.HELD else row["status"]] += row["number"]
    last_end = max((row["last"] for row in rows if row["last"]), default=None)
    ended = sum(counts[status] for status in ENDED)
    still_open = counts.total() - ended
    rate = _rate_per_minute(batch.created_at, clock.now() if still_open else last_end, ended)
    return BatchProgress(
        status=_batch_status(batch, counts, still_open),
        counts={status.value: counts[status] for status in VISIBLE},
        progress=round(ended / counts.total(), 4) if counts else 1.0,
        rate_per_minute=rate,
        estimated_end=_estimated_end(still_open, rate),
        failed_ids=[],
    )


def _estimated_end(still_open: int, rate_per_minute: float | None) -> datetime | None:
    if not still_open or not rate_per_minute:
        return None
    return cut_to_milliseconds(clock.now() + timedelta(minutes=min(still_open / rate_per_minute, MAX_MINUTES)))


def _batch_status(batch: Batch, counts: Counter[str], still_open: int) -> str:
    if still_open:
        return "processing"
    if batch.state == BatchState.CANCELLED:
        return "cancelled"
    return "completed_with_failures" if counts[Status.FAILED] else "completed"


def _rate_per_minute(start: datetime, end: datetime | None, ended: int) -> float | None:
    if not ended or end is None or end <= start:
        return None
    return round(ended / ((end - start).total_seconds() / 60), 2)


def _failed_ids(batch: Batch) -> list[str]:
    # sorted here: with an order SQLite would read the failed of all batches
    failed = batch.contexts.filter(status=Status.FAILED).order_by().values_list("pk", flat=True)
    return sorted(failed)[:FAILED_IDS_SHOWN]
