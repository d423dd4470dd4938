"""The rows of a claim on MongoDB, with fewer commands than the ORM needs: three for a lone context.

Of many contexts each is taken atomically, all of them are not: where the server dies in the middle, some bear the
token of a worker that does not know it. It gives back what it holds without running it, or the reaper frees it.
"""

from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import orjson
from pymongo import ReturnDocument

from base import mongo
from contexts.engine.admission import Candidate
from contexts.engine.job import Job, Lease, Line
from contexts.models import Context, Worker, WorkerState
from contexts.move_log import appended_on_mongo, entry
from contexts.states import Move, Status, sources, target


def read_line(token: str, now: datetime, most: int) -> Line:
    """See `contexts.engine.claim_rows.read_line`."""
    due = {"status": Status.RETRYING.value, "next_retry_at": {"$lte": now}}
    alive = {"_id": token, "state": WorkerState.LIVE.value}
    # the worker's own row costs no way of its own; a union promises no order
    union = {"$unionWith": {"coll": Worker._meta.db_table, "pipeline": [{"$match": alive}, {"$project": {"_id": 1}}]}}
    with mongo.django_errors():
        contexts = mongo.collection(Context)
        found = list(contexts.aggregate([*_first(due, "next_retry_at", most), union]))
        pending = list(contexts.aggregate(_first({"status": Status.PENDING.value}, "claim_order", most)))
    retries = sorted((row for row in found if row["_id"] != token), key=itemgetter("next_retry_at"))
    return Line(_candidates(retries), _candidates(pending), is_live=len(retries) < len(found))


def _first(match: dict[str, Any], order: str, most: int) -> list[dict[str, Any]]:
    return [
        {"$match": match},
        {"$sort": {order: 1}},
        {"$limit": most},
        {"$project": {order: 1, "worker_losses": 1}},
    ]


def _candidates(rows: list[mongo.Document]) -> list[Candidate]:
    return [Candidate(row["_id"], int(row["worker_losses"])) for row in rows]


def take(token: str, ids: tuple[str, ...], now: datetime) -> list[Job]:
    """See `contexts.engine.claim_rows.take`; the order is the database's."""
    there = {"status": {"$in": sources(Move.CLAIM)}}
    contexts = mongo.collection(Context)
    with mongo.django_errors():
        if len(ids) == 1:
            row = contexts.find_one_and_update(
                {"_id": ids[0], **there},
                _claimed(token, now),
                return_document=ReturnDocument.AFTER,
            )
            return [_job(row, token)] if row else []
        theirs = {"_id": {"$in": ids}}
        if not contexts.update_many({**theirs, **there}, _claimed(token, now)).matched_count:
            return []
        return [_job(row, token) for row in contexts.find({**theirs, "lease_token": token})]


def _claimed(token: str, now: datetime) -> list[dict[str, Any]]:
    """Return what a claim changes, as a pipeline: the first pick-up stays."""
    changes = {
        "status": target(Move.CLAIM),
        "lease_token": token,
        "attempts": {"$add": ["$attempts", 1]},
        "revision": {"$add": ["$revision", 1]},
        "next_retry_at": None,
        "waiting_for": "",
        "started_at": {"$ifNull": ["$started_at", now]},
        "updated_at": now,
        "moves": appended_on_mongo(entry(target(Move.CLAIM), now), attempts_more=1),
    }
    return [{"$set": changes}]


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
        started_at=row["started_at"].replace(tzinfo=UTC),
        retry_count=int(row["retry_count"]),
        worker_losses=int(row["worker_losses"]),
    )


def _plain(value: Any) -> Any:
    """Return JSON with Python's own types only: pymongo reads large integers as a class of its own."""
    return orjson.loads(orjson.dumps(value))
