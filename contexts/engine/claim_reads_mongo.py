"""What a claim reads on MongoDB: two commands of two selects each, where the ORM would need four."""

from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import orjson
from django.db.models import Model

from base import mongo
from contexts.engine.admission import Candidate
from contexts.engine.job import Job, Lease
from contexts.models import Context, Worker, WorkerState
from contexts.states import Status

Stages = list[dict[str, Any]]
Select = tuple[type[Model], Stages]


def candidates(now: datetime, room: int) -> tuple[list[Candidate], list[Candidate]]:
    """See `contexts.engine.claim_reads.candidates`."""
    due = {"status": Status.RETRYING.value, "next_retry_at": {"$lte": now}}
    pending = {"status": Status.PENDING.value}
    found = _union((Context, _first(room, due, "next_retry_at")), (Context, _first(room, pending, "claim_order")))
    return _in_order(found, "next_retry_at"), _in_order(found, "claim_order")


def _first(room: int, match: dict[str, Any], order: str) -> Stages:
    kept = {order: 1, "worker_losses": 1}
    return [{"$match": match}, {"$sort": {order: 1}}, {"$limit": room}, {"$project": kept}]


def _in_order(found: list[mongo.Document], order: str) -> list[Candidate]:
    """Return the rows of one select: a union promises no order."""
    rows = sorted((row for row in found if order in row), key=itemgetter(order))
    return [Candidate(row["_id"], int(row["worker_losses"])) for row in rows]


def taken(token: str, ids: tuple[str, ...]) -> tuple[dict[str, Job], bool]:
    """See `contexts.engine.claim_reads.taken`."""
    mine = {"_id": {"$in": ids}, "lease_token": token}
    alive = {"_id": token, "state": WorkerState.LIVE.value}
    found = _union((Context, [{"$match": mine}]), (Worker, [{"$match": alive}]))
    jobs = {row["_id"]: _job(row, token) for row in found if row["_id"] != token}
    return jobs, any(row["_id"] == token for row in found)


def _union(first: Select, second: Select) -> list[mongo.Document]:
    """Return what two selects find, in one command."""
    (model, stages), (other, other_stages) = first, second
    union = {"$unionWith": {"coll": other._meta.db_table, "pipeline": other_stages}}
    with mongo.django_errors():
        return list(mongo.collection(model).aggregate([*stages, union]))


def _job(row: mongo.Document, token: str) -> Job:
    return Job(
        id=row["_id"],
        lease=Lease(token, int(row["attempts"])),
        type=row["type"],
        organization_id=row["organization_id"],
        pipeline=_plain(row["pipeline"]),
        data=_plain(row["data"]),
        metadata=_plain(row["metadata"]),
        processing=_plain(row["processing"]),
        step_runs=_plain(row["step_runs"]),
        started_at=(row["started_at"] or row["updated_at"]).replace(tzinfo=UTC),
        retry_count=int(row["retry_count"]),
        worker_losses=int(row["worker_losses"]),
    )


def _plain(value: Any) -> Any:
    """Return JSON with Python's own types only: pymongo reads large integers as a class of its own."""
    return orjson.loads(orjson.dumps(value))
