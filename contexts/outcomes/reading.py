"""Reads contexts that have ended, in the order of their ends, with no more of them than what is counted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from base import mongo
from base.clock import from_iso, milliseconds_between
from components.prices import bill_of
from contexts.models import Context
from contexts.outcomes.tally import Ended
from contexts.states import ENDED, Status
from contexts.updates import RETRIED

CHUNK = 2_000


class Row(NamedTuple):
    """What is read of a context; the names are those of its columns."""

    pk: str
    organization_id: str
    type: str
    template_id: str | None
    status: str
    error_type: str | None
    error_component: str | None
    attempts: int
    step_runs: list[dict[str, Any]]
    created_at: datetime
    ended_at: datetime


def settling() -> timedelta:
    """Return how long after it an end is surely written: a worker whose write is older has lost its lease."""
    return timedelta(seconds=settings.LEASE_SECONDS + 10)


def border_after(cursor: datetime, until: datetime) -> datetime:
    """Return a time up to which about a chunk has ended: all of those that ended at one moment are on one side."""
    found = [_nth_end(status, cursor, until) for status in ENDED]
    return min((moment for moment in found if moment), default=until)


def _nth_end(status: str, cursor: datetime, until: datetime) -> datetime | None:
    if connection.vendor == "mongodb":
        return _nth_end_on_mongo(status, cursor, until)
    rows = _ended(status, cursor, until).order_by("ended_at").values_list("ended_at", flat=True)
    return next(iter(rows[CHUNK - 1 : CHUNK]), None)


def _nth_end_on_mongo(status: str, cursor: datetime, until: datetime) -> datetime | None:
    """Ask for a null by one value: the ORM asks for two, and then the index no longer gives the order."""
    wanted = {"status": str(status), "next_retry_at": None, "ended_at": {"$gt": cursor, "$lte": until}}
    with mongo.django_errors():
        rows = mongo.collection(Context).find(wanted, {"ended_at": 1}).sort("ended_at", 1)
        found = next(iter(rows.skip(CHUNK - 1).limit(1)), None)
    return found["ended_at"].replace(tzinfo=UTC) if found else None


def ended_between(cursor: datetime, until: datetime) -> list[Ended]:
    """Return what ended after ``cursor``, up to and with ``until``."""
    found = (_ended(status, cursor, until).values_list(*Row._fields) for status in ENDED)
    rows = [Row(*values) for rows_of_status in found for values in rows_of_status]
    again = _set_going([row.pk for row in rows if row.attempts > 1])
    return [_as_ended(row, again.get(row.pk)) for row in rows]


def _ended(status: str, cursor: datetime, until: datetime) -> QuerySet[Context]:
    """Read along contexts_due: what has ended is never due, so its ends stand there in their order."""
    rows = Context.objects.filter(status=status, next_retry_at=None)
    return rows.filter(ended_at__gt=cursor, ended_at__lte=until).order_by()


@dataclass(frozen=True)
class Again:
    """That somebody set a context going again which had ended.

    Args:
        attempt: the last one before.
    """

    at: datetime
    attempt: int


def _set_going(ids: Sequence[str]) -> dict[str, Again]:
    """Return of those that somebody has set going again when that was last; only for these the log is read."""
    found: dict[str, Again] = {}
    for start in range(0, len(ids), 500):
        logs = Context.objects.filter(pk__in=ids[start : start + 500]).order_by().only("pk", "moves")
        for row in logs:
            if again := last_life(row.moves):
                found[row.pk] = again
    return found


def last_life(moves: Sequence[Mapping[str, Any]]) -> Again | None:
    """Return when somebody set a context going again whose end before was counted; None where nobody did.

    An end that was undone before it could have been read was none: what ran until then belongs to the next one.
    """
    for before, move in zip(reversed(moves[:-1]), reversed(moves), strict=False):
        at = from_iso(move["at"])
        if move.get("reason") == RETRIED and at - from_iso(before["at"]) >= settling():
            return Again(at, move["attempt"])
    return None


def _as_ended(row: Row, again: Again | None) -> Ended:
    return Ended(
        ended_at=row.ended_at,
        organization_id=row.organization_id,
        type=row.type,
        template_id=row.template_id or "",
        status=row.status,
        error=(row.error_component or "", row.error_type or "") if row.status == Status.FAILED else ("", ""),
        latency_ms=max(0, milliseconds_between(again.at if again else row.created_at, row.ended_at)),
        bill=bill_of(_since(row.step_runs, again)),
    )


def _since(step_runs: Iterable[Mapping[str, Any]], again: Again | None) -> Iterator[Mapping[str, Any]]:
    """Return the runs that no earlier end has counted."""
    return (run for run in step_runs if again is None or run["attempt"] > again.attempt)
