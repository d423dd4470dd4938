"""From ends to deliveries: nothing lost, nothing doubled, whenever who announces dies."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from base import clock
from base.inserting import insert_missing
from contexts.batches import batch_cancel, batch_retry_failed, batch_submit
from contexts.engine import claims
from contexts.engine.group import write_group
from contexts.engine.job import Lease, Write
from contexts.models import Context
from contexts.services import context_cancel, context_retry
from contexts.states import Move, Status
from contexts.submission import Submitter
from contexts.webhooks import outbox
from contexts.webhooks.endpoints import endpoint_delete
from contexts.webhooks.models import WebhookDelivery
from contexts.webhooks.outbox import announce_now, announce_waiting
from tests.contexts.rows import ERROR, make_context
from tests.contexts.webhooks.conftest import make_endpoint

URL = "http://127.0.0.1:9/hooks"
MINIMAL = {"type": "article", "pipeline": ["template"]}

pytestmark = pytest.mark.django_db


def held(organization, **fields) -> Context:
    """A context that a worker has in hand."""
    return make_context(organization, Status.PROCESSING, lease_token="wrk_1", attempts=1, **fields)


def end(context: Context, move: Move = Move.COMPLETE, **values) -> bool:
    """End a context as the engine does."""
    now = clock.now()
    values = {"ended_at": now, "updated_at": now, **({"error": dict(ERROR)} if move is Move.FAIL else {}), **values}
    lease = Lease(context.lease_token, context.attempts)
    [done] = write_group([Write(context.pk, lease, move, values, organization_id=context.organization_id)])
    context.refresh_from_db()
    return done


def told() -> list[tuple[str, str]]:
    return sorted(WebhookDelivery.objects.values_list("event", "resource_id"))


@pytest.mark.parametrize(("move", "event"), [(Move.COMPLETE, "context.completed"), (Move.FAIL, "context.failed")])
def test_end_by_a_worker_is_announced_once(organization, move, event):
    make_endpoint(organization, URL)
    context = held(organization, metadata={"order": 7})
    assert end(context, move)
    assert announce_waiting() == 1
    assert announce_waiting() == 0
    [delivery] = WebhookDelivery.objects.all()
    assert (delivery.event, delivery.resource_id) == (event, context.pk)
    assert delivery.payload["type"] == event
    data = delivery.payload["data"]
    assert (data["id"], data["metadata"], data["status"]) == (context.pk, {"order": 7}, context.status)
    assert data["ended_at"] == delivery.payload["timestamp"]
    assert "article" not in str(delivery.payload.keys())


def test_end_that_another_made_from_outside_is_announced(organization):
    make_endpoint(organization, URL)
    context = held(organization)
    assert claims.fail_held(context, "wrk_1", type="worker_lost", message="It died.")
    announce_waiting()
    assert told() == [("context.failed", context.pk)]


def test_cancelled_context_is_announced(organization):
    make_endpoint(organization, URL)
    context = make_context(organization)
    context_cancel(context.pk, organization_id=organization.pk)
    announce_waiting()
    assert told() == [("context.cancelled", context.pk)]


def test_nobody_listens_and_nothing_is_marked(organization, other_organization):
    make_endpoint(other_organization, URL)
    context = held(organization)
    end(context)
    assert context.announce is None
    assert announce_waiting() == 0


def test_end_that_was_not_made_is_not_announced(organization):
    make_endpoint(organization, URL)
    context = held(organization)
    context.lease_token = "wrk_another"
    assert not end(context)
    assert announce_waiting() == 0


def test_each_endpoint_hears_what_it_asked_for(organization):
    completed = make_endpoint(organization, URL, "context.completed")
    both = make_endpoint(organization, URL, "context.completed", "context.failed")
    make_endpoint(organization, URL, "batch.finished")
    end(held(organization))
    announce_waiting()
    assert set(WebhookDelivery.objects.values_list("endpoint_id", flat=True)) == {completed.pk, both.pk}


def test_crash_before_the_mark_is_taken_away_doubles_nothing(organization, monkeypatch):
    make_endpoint(organization, URL)
    context = held(organization)
    end(context)
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "_unmark", lambda contexts: (_ for _ in ()).throw(RuntimeError("killed")))
        for _ in range(2):
            with pytest.raises(RuntimeError):
                announce_waiting()
    assert announce_waiting() == 1
    assert told() == [("context.completed", context.pk)]


def test_crash_in_the_middle_of_the_deliveries_loses_none(organization, monkeypatch):
    for _ in range(3):
        make_endpoint(organization, URL)
    end(held(organization))
    inserted = insert_missing
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "insert_missing", lambda rows: inserted(rows[:1]) and 1 / 0)
        with pytest.raises(ZeroDivisionError):
            announce_waiting()
    assert WebhookDelivery.objects.count() == 1
    announce_waiting()
    assert WebhookDelivery.objects.count() == 3


def test_twins_that_announce_the_same_end_store_it_once(organization, monkeypatch):
    make_endpoint(organization, URL)
    context = held(organization)
    end(context)
    inserted = insert_missing

    def twin_first(rows):
        monkeypatch.setattr(outbox, "insert_missing", inserted)
        announce_waiting()
        return inserted(rows)

    monkeypatch.setattr(outbox, "insert_missing", twin_first)
    announce_waiting()
    assert told() == [("context.completed", context.pk)]


@pytest.mark.django_db(transaction=True)
def test_endpoint_that_is_removed_while_an_end_is_announced_is_left_out(organization, monkeypatch):
    stays, goes = (make_endpoint(organization, URL) for _ in range(2))
    context = held(organization)
    end(context, Move.FAIL)
    inserted = insert_missing

    def remove_first(rows):
        monkeypatch.setattr(outbox, "insert_missing", inserted)
        endpoint_delete(goes)
        return inserted(rows)

    monkeypatch.setattr(outbox, "insert_missing", remove_first)
    context_retry(context.pk, organization_id=organization.pk)
    assert not outbox.something_is_marked()
    assert [row.resource_id for row in WebhookDelivery.objects.filter(endpoint=stays)] == [context.pk]


def test_retry_before_the_announcement_loses_no_end(organization):
    make_endpoint(organization, URL)
    context = held(organization)
    end(context, Move.FAIL)
    context_retry(context.pk, organization_id=organization.pk)
    Context.objects.filter(pk=context.pk).update(status=Status.PROCESSING, lease_token="wrk_1", attempts=2)
    context.refresh_from_db()
    end(context)
    announce_waiting()
    assert told() == [("context.completed", context.pk), ("context.failed", context.pk)]


def test_end_after_a_retry_is_not_unmarked_by_who_read_the_end_before(organization, monkeypatch):
    make_endpoint(organization, URL)
    context = held(organization)
    end(context, Move.FAIL)
    unmark = outbox._unmark

    def meanwhile(contexts):
        monkeypatch.setattr(outbox, "_unmark", unmark)
        context_retry(context.pk, organization_id=organization.pk)
        Context.objects.filter(pk=context.pk).update(status=Status.PROCESSING, lease_token="wrk_1", attempts=2)
        context.refresh_from_db()
        end(context)
        unmark(contexts)

    monkeypatch.setattr(outbox, "_unmark", meanwhile)
    announce_waiting()
    announce_waiting()
    assert told() == [("context.completed", context.pk), ("context.failed", context.pk)]


def batch_of(organization, number: int = 3):
    batch, _ = batch_submit([MINIMAL] * number, submitter=Submitter(organization.pk, None), name="October")
    Context.objects.filter(batch=batch).update(status=Status.PROCESSING, lease_token="wrk_1", attempts=1)
    return batch, list(Context.objects.filter(batch=batch).order_by("pk"))


def finished() -> list[WebhookDelivery]:
    return list(WebhookDelivery.objects.filter(event="batch.finished"))


def test_batch_is_finished_with_its_last_context_and_told_once(organization):
    make_endpoint(organization, URL)
    batch, contexts = batch_of(organization)
    for context in contexts[:-1]:
        end(context)
    announce_waiting()
    assert finished() == []
    end(contexts[-1], Move.FAIL)
    announce_waiting()
    [delivery] = finished()
    assert delivery.resource_id == batch.pk
    data = delivery.payload["data"]
    assert (data["status"], data["name"], data["counts"]["failed"]) == ("completed_with_failures", "October", 1)


def test_last_two_contexts_that_end_at_once_finish_their_batch_once(organization, monkeypatch):
    make_endpoint(organization, URL)
    _, contexts = batch_of(organization)
    for context in contexts:
        end(context)
    monkeypatch.setattr(outbox, "AT_ONCE", 1)
    announce_now(Context.objects.all())
    assert len(finished()) == 1


def test_batch_that_is_retried_finishes_again(organization):
    make_endpoint(organization, URL)
    batch, contexts = batch_of(organization)
    for context in contexts:
        end(context, Move.FAIL)
    batch_retry_failed(batch.pk, organization_id=organization.pk)  # before anybody has announced
    assert len(finished()) == 1
    Context.objects.filter(batch=batch).update(status=Status.PROCESSING, lease_token="wrk_1", attempts=2)
    for context in Context.objects.filter(batch=batch):
        end(context)
    announce_now(Context.objects.all())
    assert [row.payload["data"]["status"] for row in sorted(finished(), key=lambda row: row.pk)] == [
        "completed_with_failures",
        "completed",
    ]
    assert WebhookDelivery.objects.filter(event="context.failed").count() == 3


def test_cancelled_batch_is_told_with_each_of_its_contexts(organization):
    make_endpoint(organization, URL)
    batch, contexts = batch_of(organization)
    batch_cancel(batch.pk, organization_id=organization.pk)
    announce_now(Context.objects.all())
    assert [row.payload["data"]["status"] for row in finished()] == ["cancelled"]
    assert WebhookDelivery.objects.filter(event="context.cancelled").count() == len(contexts)


@pytest.mark.sqlite("reads SQLite's plan")
@pytest.mark.parametrize("look", [announce_waiting, outbox.something_is_marked])
def test_marks_are_found_by_their_own_index(db, look):
    with CaptureQueriesContext(connection) as queries:
        look()
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + queries.captured_queries[0]["sql"])
        plan = " ".join(str(row) for row in cursor.fetchall())
    assert "contexts_announce" in plan, plan
    assert "TEMP B-TREE" not in plan, plan
