"""What the lists, the engine and the batches ask of a large database is read from an index, in its order."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import QuerySet

from base.pagination import NewestFirst
from contexts.engine import claims
from contexts.models import Batch, BatchState, Context
from contexts.selectors import (
    BatchFilter,
    ContextFilter,
    batch_progress,
    batches_find,
    batches_of_status,
    batches_visible,
    context_get,
    contexts_find,
)
from contexts.states import VISIBLE, Status
from contexts.trials.selectors import recent_of_template
from templates_app.models import Template
from tests.contexts.rows import make_context
from tests.plans import PRIMARY_KEY, SqlitePlan, assert_reads_an_index, plans_of
from tests.stores.emptying import on_mongo
from users.models import User
from users.services import apikey_find

pytestmark = pytest.mark.django_db
WORK = ("contexts", "batches")
OURS = "org_test"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
CURSOR = "ctx_01JD8M7Z4Q1V9XKJ3T5N6R8W2C"


def page(rows: QuerySet, cursor: str | None = None) -> Callable[[], object]:
    """Read a page as the paginator does: first, or after a cursor."""
    ordered = rows.order_by(NewestFirst.ordering)
    return lambda: list((ordered.filter(pk__lt=cursor) if cursor else ordered)[:26])


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
    "a type and a status": (ContextFilter(type="article", statuses=["failed"]), "contexts_org_status"),
    "a type in a time": (
        ContextFilter(type="article", created_after=NOON),
        "contexts_org_type (organization_id=? AND type=? AND _id>?",
    ),
    "a status and a title": (ContextFilter(statuses=["failed"], text="whale"), "contexts_org_status"),
    "all there is": (
        ContextFilter(["failed"], "article", "batch_a", NOON, NOON + timedelta(days=1), "whale"),
        "contexts_batch_list (batch_id=? AND _id>? AND _id<?",
    ),
    "an error": (ContextFilter(error_type="timed_out"), "contexts_errors"),
    "an error of a step": (ContextFilter(error_type="timed_out", error_component="media"), "contexts_errors"),
    "a step that failed": (ContextFilter(error_component="media"), "contexts_status"),
    "a template": (ContextFilter(template_id="tmpl_a"), "contexts_template"),
    "a template and a status": (ContextFilter(template_id="tmpl_a", statuses=["failed"]), "contexts_template"),
    "a template and a type": (ContextFilter(template_id="tmpl_a", type="article"), "contexts_template"),
    "a pipeline": (ContextFilter(pipeline_id="pipe_a"), "contexts_pipeline"),
    "a pipeline in a time": (
        ContextFilter(pipeline_id="pipe_a", created_after=NOON),
        "contexts_pipeline (pipeline_id=? AND _id>?",
    ),
    "an error and a type": (ContextFilter(error_type="timed_out", type="article"), "contexts_errors"),
    "an error in a batch": (ContextFilter(error_type="timed_out", batch_id="batch_a"), "contexts_batch_list"),
    "the beginning of an id": (ContextFilter(text="ctx_01JD"), "contexts_organization (organization_id=? AND _id>?"),
}


@pytest.mark.parametrize("cursor", [None, CURSOR], ids=["first page", "deep page"])
@pytest.mark.parametrize("name", LISTS)
def test_lists_of_an_organization_read_an_index_in_its_order(name, cursor):
    wanted, index = LISTS[name]
    plans = plans_of(page(contexts_find(OURS, wanted), cursor), *WORK)
    # an index ends at one bound where another names the same column
    assert_reads_an_index(plans, index if cursor is None else index.partition(" ")[0])


def test_staff_of_draftline_list_statuses_and_batches_from_an_index():
    for wanted, index in [
        (ContextFilter(statuses=["failed"]), "contexts_status"),
        (ContextFilter(batch_id="batch_a"), "contexts_batch_list"),
        (ContextFilter(error_type="timed_out"), "contexts_errors"),
        (ContextFilter(template_id="tmpl_a"), "contexts_template"),
        (ContextFilter(pipeline_id="pipe_a", statuses=["failed"]), "contexts_pipeline"),
    ]:
        assert_reads_an_index(plans_of(page(contexts_find(None, wanted)), *WORK), index)


@pytest.mark.parametrize("owner", [None, OURS])
@pytest.mark.parametrize("more", [{}, {"error_component": "ai_generator"}], ids=["a type", "a type of a step"])
def test_errors_are_listed_from_an_index_in_its_order(owner, more):
    rows = contexts_find(owner, ContextFilter(statuses=["failed"])).filter(error_type="timed_out", **more)
    assert_reads_an_index(plans_of(page(rows), *WORK), "contexts_errors" if owner is None else "")


def test_contexts_of_a_template_are_found_from_an_index():
    template = Template(id="tmpl_a", type="article")
    plans = plans_of(lambda: recent_of_template(template, None, most=9), *WORK)
    assert_reads_an_index(plans, "contexts_template")
    plans = plans_of(lambda: recent_of_template(template, OURS, most=9), *WORK)
    assert_reads_an_index(plans, "contexts_org_type")


def test_staff_of_draftline_list_all_contexts_in_the_order_of_the_primary_key():
    """It is an index too, and its first rows are what is asked for."""
    (plan,) = plans_of(page(contexts_find(None, ContextFilter())), *WORK)
    plan.assert_in_order()


def test_one_context_is_found_by_its_key(organization):
    row = make_context(organization)
    assert_reads_an_index(plans_of(lambda: context_get(row.pk, organization.pk), *WORK), PRIMARY_KEY)


def test_claims_read_their_own_indexes(organization):
    for _ in range(2):  # MongoDB takes a lone one in another way
        make_context(organization)
    due, pending, update, taken = plans_of(
        lambda: claims.claim(claims.worker_register(), running=[], most=10), "contexts"
    )
    due.assert_reads("contexts_due")
    pending.assert_reads("contexts_claim")
    update.assert_reads()  # by the key, or by the status and the key
    taken.assert_reads(PRIMARY_KEY)
    assert_reads_an_index(plans_of(lambda: claims.leases_held("wrk_a"), *WORK), "contexts_lease")
    assert_reads_an_index(plans_of(lambda: claims.hand_back("wrk_a"), *WORK), "contexts_lease")


def test_progress_of_a_batch_is_counted_within_one_index(organization):
    batch = Batch.objects.create(organization=organization, total=9, state=BatchState.ACCEPTED)
    for status in VISIBLE:
        make_context(organization, status, batch=batch)
    counted, failed = plans_of(lambda: batch_progress(batch), "contexts")
    counted.assert_reads("contexts_progress")
    failed.assert_reads("contexts_progress")
    if isinstance(counted, SqlitePlan):
        assert "COVERING" in counted.text


def test_contexts_of_a_person_who_is_removed_are_found_from_an_index():
    rows = Context.objects.filter(user_id="usr_a").order_by()
    assert_reads_an_index(plans_of(lambda: list(rows), *WORK), "contexts_by_user")


def test_batches_are_listed_from_an_index():
    assert_reads_an_index(plans_of(page(batches_visible(OURS)), *WORK), "batches_organization")


def test_batches_of_a_status_are_told_from_an_index(organization):
    batches = [Batch.objects.create(organization=organization, total=1, state=BatchState.ACCEPTED) for _ in range(2)]
    for batch in batches:
        make_context(organization, Status.FAILED, batch=batch)
    plans = plans_of(lambda: batches_of_status(batches, "completed_with_failures"), *WORK)
    assert len(plans) == 2
    for plan in plans:
        plan.assert_reads("contexts_progress")


def test_batches_in_a_time_are_listed_from_an_index():
    plans = plans_of(page(batches_find(OURS, BatchFilter(created_after=NOON))), *WORK)
    assert_reads_an_index(plans, "batches_organization (organization_id=? AND _id>?")


def test_keys_and_people_are_found_from_an_index():
    """On SQLite by the index that makes them unique, which MongoDB cannot use."""
    by_hash, by_name = ("api_keys_hash", "users_username") if on_mongo() else ("", "")
    assert_reads_an_index(plans_of(lambda: apikey_find("dl_x"), "api_keys"), by_hash)
    assert_reads_an_index(plans_of(lambda: User.objects.filter(username="ann").first(), "users"), by_name)


def test_no_index_has_a_column_that_every_checkpoint_writes():
    indexed = {name for index in Context._meta.indexes for name in index.fields}
    assert not indexed & {"data", "processing", "step_runs", "updated_at", "revision", "attempts", "waiting_for"}
