"""The rows of a claim: who waits in line, and taking some of them. Blocking code; `claims` decides which."""

from datetime import datetime

from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from contexts.engine import claim_rows_mongo
from contexts.engine.admission import Candidate
from contexts.engine.job import Job, Lease, Line
from contexts.models import Context, Worker, WorkerState
from contexts.move_log import moved
from contexts.states import Move, Status, sources


def read_line(token: str, now: datetime, most: int) -> Line:
    """Return what waits, so many of each kind at most, and whether a worker may claim any of it."""
    if connection.vendor == "mongodb":
        return claim_rows_mongo.read_line(token, now, most)
    due = Context.objects.filter(status=Status.RETRYING, next_retry_at__lte=now).order_by("next_retry_at")
    pending = Context.objects.filter(status=Status.PENDING).order_by("claim_order")
    return Line(
        retries=[Candidate(pk, losses) for pk, losses in due.values_list("pk", "worker_losses")[:most]],
        fresh=[Candidate(pk) for pk in pending.values_list("pk", flat=True)[:most]],
        is_live=Worker.objects.filter(pk=token, state=WorkerState.LIVE).exists(),
    )


def take(token: str, ids: tuple[str, ...], now: datetime) -> list[Job]:
    """Take those of ``ids`` that are still there to be taken, in their order.

    Each is taken by a conditional update of its own row; what bears the token afterwards was got.
    """
    found = {job.id: job for job in _taken(token, ids, now)}
    return [found[context_id] for context_id in ids if context_id in found]


def _taken(token: str, ids: tuple[str, ...], now: datetime) -> list[Job]:
    if connection.vendor == "mongodb":
        return claim_rows_mongo.take(token, ids, now)
    matched = Context.objects.filter(pk__in=ids, status__in=sources(Move.CLAIM)).update(
        **moved(Move.CLAIM, now),
        lease_token=token,
        attempts=F("attempts") + 1,
        next_retry_at=None,
        waiting_for="",
        started_at=Coalesce("started_at", Value(now)),  # the first pick-up
    )
    if not matched:
        return []
    # without an order: with the model's own, SQLite would walk an index that gives the order, not the rows
    return [_job(row, token) for row in Context.objects.filter(pk__in=ids, lease_token=token).order_by()]


def _job(row: Context, token: str) -> Job:
    return Job(
        id=row.pk,
        lease=Lease(token, row.attempts),
        type=row.type,
        organization_id=row.organization_id,
        pipeline=row.pipeline,
        data=row.data,
        metadata=row.metadata,
        processing=row.processing,
        step_runs=row.step_runs,
        started_at=row.started_at or row.updated_at,
        retry_count=row.retry_count,
        worker_losses=row.worker_losses,
    )
