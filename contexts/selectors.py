"""Every read of contexts and batches that people and clients make. Held rows are nobody's business."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, QuerySet

from base import clock
from base.problems import NotFound
from contexts.models import Batch, BatchState, Context
from contexts.states import ENDED, VISIBLE, Status

FAILED_IDS_SHOWN = 1000
VISIBLE_BATCHES = (BatchState.ACCEPTED, BatchState.CANCELLED)


def contexts_visible(organization_id: str | None) -> QuerySet[Context]:
    """Return the contexts of an organization; None means of all."""
    rows = Context.objects.filter(status__in=VISIBLE)
    return rows if organization_id is None else rows.filter(organization_id=organization_id)


def context_get(context_id: str, organization_id: str | None) -> Context:
    """Return one context.

    Raises:
        NotFound: there is none, or it is another organization's.
    """
    context = contexts_visible(organization_id).filter(pk=context_id).first()
    if context is None:
        raise NotFound(f"There is no context {context_id!r}.")
    return context


def batches_visible(organization_id: str | None) -> QuerySet[Batch]:
    """Return the accepted batches of an organization; None means of all."""
    rows = Batch.objects.filter(state__in=VISIBLE_BATCHES)
    return rows if organization_id is None else rows.filter(organization_id=organization_id)


def batch_get(batch_id: str, organization_id: str | None) -> Batch:
    """Return one batch.

    Raises:
        NotFound: there is none, or it is another organization's.
    """
    batch = batches_visible(organization_id).filter(pk=batch_id).first()
    if batch is None:
        raise NotFound(f"There is no batch {batch_id!r}.")
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


def batch_progress(batch: Batch) -> BatchProgress:
    """Return where a batch stands, derived from its contexts."""
    rows = batch.contexts.values("status").annotate(number=Count("pk"), last=Max("ended_at")).order_by("status")
    # held rows are accepted and about to be released: to a client they are pending
    counts: Counter[str] = Counter()
    last_end: datetime | None = None
    for row in rows:
        counts[Status.PENDING if row["status"] == Status.HELD else row["status"]] += row["number"]
        last_end = max((moment for moment in (last_end, row["last"]) if moment), default=None)
    ended = sum(counts[status] for status in ENDED)
    still_open = counts.total() - ended
    rate = _rate_per_minute(batch.created_at, clock.now() if still_open else last_end, ended)
    return BatchProgress(
        status=_batch_status(batch, counts, still_open),
        counts={status.value: counts[status] for status in VISIBLE},
        progress=round(ended / counts.total(), 4) if counts else 1.0,
        rate_per_minute=rate,
        estimated_end=clock.now() + timedelta(minutes=still_open / rate) if rate and still_open else None,
        failed_ids=_failed_ids(batch) if counts[Status.FAILED] else [],
    )


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
    failed = batch.contexts.filter(status=Status.FAILED).order_by("pk").values_list("pk", flat=True)
    return list(failed[:FAILED_IDS_SHOWN])
