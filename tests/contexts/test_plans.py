"""What the lists, the engine and the batches ask of a large database is read from an index, in its order.

SQLite's plan is what can be looked at; MongoDB has the same indexes.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from base.pagination import NewestFirst
from contexts.engine import claims
from contexts.models import Batch, BatchState, Context
from contexts.selectors import (
    ContextFilter,
    batch_progress,
    batches_visible,
    context_get,
    contexts_find,
)
from contexts.states import VISIBLE
from tests.contexts.rows import make_context

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="another database has other words for its plans"),
]
OURS = "org_test"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
CURSOR = "ctx_01JD8M7Z4Q1V9XKJ3T5N6R8W2C"


def plans_of(run: Callable[[], object]) -> list[str]:
    """Return how SQLite goes about each query on contexts or batches that ``run`` makes."""
    seen: list[tuple[str, Any]] = []

    def note(execute, sql, params, many, context):
        seen.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        run()
    return [_plan(sql, params) for sql, params in seen if '"contexts"' in sql or '"batches"' in sql]


def _plan(sql: str, params: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        return " | ".join(str(row[3]) for row in cursor.fetchall())


def page(rows: QuerySet, cursor: str | None = None) -> Callable[[], object]:
    """Read a page as the paginator does: first, or after a cursor."""
    ordered = rows.order_by(NewestFirst.ordering)
    return lambda: list((ordered.filter(pk__lt=cursor) if cursor else ordered)[:26])


def assert_reads_an_index(plans: list[str], *, index: str = "") -> None:
    assert plans
    for plan in plans:
        assert "SEARCH" in plan, plan
        assert "SCAN" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan
        assert f"INDEX {index}" in plan, plan


# what is asked -> the index that must answer
LISTS = {
    "all": (ContextFilter(), "contexts_organization"),
    "a status": (ContextFilter(statuses=["failed"]), "contexts_org_status"),
    "several statuses": (ContextFilter(statuses=["failed", "cancelled"]), "contexts_organization"),
    "a type": (ContextFilter(type="article"), "contexts_org_type"),
    "a batch": (ContextFilter(batch_id="batch_a"), "contexts_batch_list"),
    "a status in a batch": (ContextFilter(batch_id="batch_a", statuses=["failed"]), "contexts_batch_list"),
    "after a time": (ContextFilter(created_after=NOON), "contexts_organization (organization_id=? AND _id>?"),
    "before a time": (ContextFilter(created_before=NOON), "contexts_organization (organization_id=? AND _id<?"),
    "a status in a time": (
        ContextFilter(statuses=["failed"], created_after=NOON, created_before=NOON + timedelta(days=1)),
        "contexts_org_status (organization_id=? AND status=? AND _id>? AND _id<?",
    ),
    "the beginning of an id": (ContextFilter(text="ctx_01JD"), "contexts_organization (organization_id=? AND _id>?"),
}


@pytest.mark.parametrize("cursor", [None, CURSOR], ids=["first page", "deep page"])
@pytest.mark.parametrize("name", LISTS)
def test_lists_of_an_organization_read_an_index_in_its_order(name, cursor):
    wanted, index = LISTS[name]
    plans = plans_of(page(contexts_find(OURS, wanted), cursor))
    # an index ends at one bound where another names the same column
    assert_reads_an_index(plans, index=index if cursor is None else index.partition(" ")[0])


def test_staff_of_draftline_list_statuses_and_batches_from_an_index():
    assert_reads_an_index(
        plans_of(page(contexts_find(None, ContextFilter(statuses=["failed"])))), index="contexts_status"
    )
    assert_reads_an_index(
        plans_of(page(contexts_find(None, ContextFilter(batch_id="batch_a")))), index="contexts_batch_list"
    )
    # the order of the primary key is an index too, and its first rows are what is asked for
    assert plans_of(page(contexts_find(None, ContextFilter()))) == [
        "SCAN contexts USING INDEX sqlite_autoindex_contexts_1"
    ]


def test_one_context_is_found_by_its_key(organization):
    row = make_context(organization)
    plans = plans_of(lambda: context_get(row.pk, organization.pk))
    assert_reads_an_index(plans)
    assert "_id=?" in plans[0]


def test_claims_read_their_own_indexes(organization):
    make_context(organization)
    claims_made = plans_of(lambda: claims.claim(claims.worker_register(), running=[], most=10))
    due, pending, update, taken = claims_made
    assert_reads_an_index([due], index="contexts_due")
    assert_reads_an_index([pending], index="contexts_claim")
    assert_reads_an_index([update, taken], index="sqlite_autoindex_contexts_1")
    assert_reads_an_index(plans_of(lambda: claims.leases_held("wrk_a")), index="contexts_lease")
    assert_reads_an_index(plans_of(lambda: claims.hand_back("wrk_a")), index="contexts_lease")


def test_progress_of_a_batch_is_counted_within_one_index(organization):
    batch = Batch.objects.create(organization=organization, total=9, state=BatchState.ACCEPTED)
    for status in VISIBLE:
        make_context(organization, status, batch=batch)
    counted, failed = plans_of(lambda: batch_progress(batch))
    assert_reads_an_index([counted], index="contexts_progress")
    assert "COVERING" in counted
    assert_reads_an_index([failed], index="contexts_progress")


def test_batches_are_listed_from_an_index():
    assert_reads_an_index(plans_of(page(batches_visible(OURS))), index="batches_organization")


def test_no_index_has_a_column_that_every_checkpoint_writes():
    indexed = {name for index in Context._meta.indexes for name in index.fields}
    assert not indexed & {"data", "processing", "step_runs", "updated_at", "revision", "attempts", "waiting_for"}
