"""What the helper process is asked to do in a database that has grown."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from benchmarks.growth.fill import PENDING
from benchmarks.statistics import percentile
from contexts.engine import claims
from contexts.models import Context, Worker
from contexts.selectors import ContextFilter, context_get, contexts_find
from contexts.states import Status

ORGANIZATION = "org_bench_0"
PAGE = 26

Statement = tuple[str, Any]


def time_claims(rounds: int) -> dict[str, Any]:
    """Claim all that is pending, 100 at a time, and put it back; answer the median of all claims in milliseconds."""
    times: list[float] = []
    for _ in range(rounds):
        with _worker() as token:
            times += [_time_claim(token) for _ in range(PENDING // claims.CLAIM_AT_ONCE)]
    return {"p50": percentile(times, 50)}


def _time_claim(token: str) -> float:
    began = time.perf_counter()
    claimed = claims.claim(token, running=[], most=claims.CLAIM_AT_ONCE)
    taken_ms = (time.perf_counter() - began) * 1000
    assert len(claimed) == claims.CLAIM_AT_ONCE
    return taken_ms


def ids(count: int) -> dict[str, Any]:
    """Answer ids of contexts that the bench's key sees, spread over all of them."""
    rows = Context.objects.filter(organization_id=ORGANIZATION)
    step = max(rows.count() // count, 1)
    return {"ids": list(rows.order_by("pk").values_list("pk", flat=True))[::step][:count]}


def plans() -> dict[str, Any]:
    """Answer how SQLite carries out every statement of a claim, a list and a detail: ``{plan: statement}``."""
    statements: list[Statement] = []
    with _worker() as token, _noted(statements):
        claims.claim(token, running=[], most=1)
        for wanted in (ContextFilter(), ContextFilter(statuses=["failed"]), ContextFilter(type="article")):
            newest = contexts_find(ORGANIZATION, wanted).order_by("-pk").first()
            list(contexts_find(ORGANIZATION, wanted).order_by("-pk")[:PAGE])
        assert newest is not None
        context_get(newest.pk, ORGANIZATION)
    found: dict[str, str] = {}
    for sql, parameters in statements:
        if sql.startswith(("SELECT", "UPDATE")) and '"contexts"' in sql:
            for plan in _plan(sql, parameters):
                found.setdefault(plan, sql[:200])
    return {"plans": found}


@contextmanager
def _worker() -> Iterator[str]:
    """Register a worker; put back afterwards what it claimed."""
    token = claims.worker_register()
    try:
        yield token
    finally:
        Context.objects.filter(lease_token=token).update(status=Status.PENDING, lease_token="")
        Worker.objects.filter(pk=token).delete()


@contextmanager
def _noted(statements: list[Statement]) -> Iterator[None]:
    """Note every statement that runs inside."""

    def note(execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any) -> Any:
        statements.append((sql, parameters))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(note):
        yield


def _plan(sql: str, parameters: Any) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        return [str(row[3]) for row in cursor.fetchall()]
