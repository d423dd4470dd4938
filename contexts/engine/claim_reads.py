"""What a claim reads: who could be taken, and what was. Blocking code."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from contexts.engine import claim_reads_mongo
from contexts.engine.admission import Candidate
from contexts.engine.job import Job, Lease
from contexts.models import Context, Worker, WorkerState
from contexts.states import Status


@dataclass(frozen=True)
class Taken:
    """What carries a worker's token, and whether the worker may still hold leases."""

    jobs: dict[str, Job]
    is_live: bool


def candidates(now: datetime, room: int) -> tuple[list[Candidate], list[Candidate]]:
    """Return what could be claimed, in its order, so many of each: due retries, and pending contexts."""
    if connection.vendor == "mongodb":
        return claim_reads_mongo.candidates(now, room)
    due = Context.objects.filter(status=Status.RETRYING, next_retry_at__lte=now).order_by("next_retry_at")
    pending = Context.objects.filter(status=Status.PENDING).order_by("claim_order")
    retries = [Candidate(pk, losses) for pk, losses in due.values_list("pk", "worker_losses")[:room]]
    return retries, [Candidate(pk) for pk in pending.values_list("pk", flat=True)[:room]]


def taken(token: str, ids: tuple[str, ...]) -> Taken:
    """Return which of ``ids`` a worker has got.

    Whether it lives is looked at after the claim: the reaper marks the worker before it frees, so either it frees
    what was claimed or this sees the mark.
    """
    if connection.vendor == "mongodb":
        return Taken(*claim_reads_mongo.taken(token, ids))
    # without an order: with the model's own, SQLite would walk an index that gives the order, not the rows
    rows = Context.objects.filter(pk__in=ids, lease_token=token).order_by()
    jobs = {row.pk: _job(row, token) for row in rows}
    return Taken(jobs, Worker.objects.filter(pk=token, state=WorkerState.LIVE).exists())


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
