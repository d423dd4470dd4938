"""Bulk submissions and batches over HTTP."""

from datetime import UTC, datetime

import pytest

from base.locks import one_at_a_time
from contexts.models import Batch, BatchState, Context
from contexts.states import Status
from tests.api.calls import MINIMAL, SEED_DOCUMENT, client_of, post, problem_of


def bulk(api, count=3, **more):
    answer = post(api, "/api/contexts/bulk", {"contexts": [MINIMAL] * count, **more})
    assert answer.status_code == 202, answer.content
    return answer.json()["batch_id"]


def end(batch_id, *statuses):
    rows = Context.objects.filter(batch_id=batch_id).order_by("pk")
    for row, status in zip(rows, statuses, strict=False):
        row.status = status
        row.ended_at = row.created_at
        row.save()


def test_a_bulk_submission_becomes_a_batch(api):
    body = {"contexts": [SEED_DOCUMENT, {**MINIMAL, "priority": 3}], "name": "Spring", "priority": 70}
    answer = post(api, "/api/contexts/bulk", body)
    assert answer.status_code == 202, answer.content
    batch = Batch.objects.get()
    assert answer.json() == {"batch_id": batch.pk, "accepted": 2}
    assert answer["Location"] == f"/api/batches/{batch.pk}"
    rows = list(Context.objects.order_by("pk"))
    assert [row.status for row in rows] == ["pending", "pending"]
    assert [row.priority for row in rows] == [70, 3]
    assert rows[0].data == SEED_DOCUMENT["data"]
    assert {row["batch_id"] for row in api.get("/api/contexts").json()["results"]} == {batch.pk}


def test_a_batch_tells_how_far_it_is(api):
    batch_id = bulk(api, 4, name="Spring")
    document = api.get(f"/api/batches/{batch_id}").json()
    assert document["status"] == "processing"
    assert document["name"] == "Spring"
    assert document["total"] == 4
    assert document["counts"]["pending"] == 4
    assert document["progress"] == 0
    assert document["failed_ids"] == []
    end(batch_id, Status.COMPLETED, Status.FAILED)
    document = api.get(f"/api/batches/{batch_id}").json()
    assert document["progress"] == 0.5
    assert document["counts"] == {
        "pending": 2,
        "processing": 0,
        "retrying": 0,
        "completed": 1,
        "failed": 1,
        "cancelled": 0,
    }
    assert len(document["failed_ids"]) == 1
    assert document["estimated_end"] is not None


def test_a_batchs_status_follows_from_its_contexts(api):
    batch_id = bulk(api, 2)
    end(batch_id, Status.COMPLETED, Status.COMPLETED)
    assert api.get(f"/api/batches/{batch_id}").json()["status"] == "completed"
    end(batch_id, Status.COMPLETED, Status.FAILED)
    assert api.get(f"/api/batches/{batch_id}").json()["status"] == "completed_with_failures"


def test_batches_are_listed_newest_first_in_pages(api):
    made = [bulk(api, 1) for _ in range(3)]
    page = api.get("/api/batches?limit=2").json()
    rest = api.get(page["next"]).json()
    assert [row["id"] for row in page["results"] + rest["results"]] == sorted(made, reverse=True)
    assert page["results"][0]["counts"]["pending"] == 1
    assert "failed_ids" not in page["results"][0]


def test_a_batch_that_is_not_accepted_is_not_seen(api, organization):
    batch = Batch.objects.create(organization=organization)
    problem_of(api.get(f"/api/batches/{batch.pk}"), 404)
    assert api.get("/api/batches").json()["results"] == []


def test_a_batch_can_be_cancelled_once(api):
    batch_id = bulk(api, 3)
    end(batch_id, Status.COMPLETED)
    answer = post(api, f"/api/batches/{batch_id}/cancel")
    assert answer.status_code == 202
    assert answer.json()["status"] == "cancelled"
    assert answer.json()["counts"]["cancelled"] == 2
    assert answer.json()["counts"]["completed"] == 1
    problem_of(post(api, f"/api/batches/{batch_id}/cancel"), 409)


def test_what_failed_of_a_batch_can_be_retried(api):
    batch_id = bulk(api, 3)
    problem_of(post(api, f"/api/batches/{batch_id}/retry-failed"), 409)
    end(batch_id, Status.FAILED, Status.COMPLETED, Status.FAILED)
    answer = post(api, f"/api/batches/{batch_id}/retry-failed", {})
    assert answer.status_code == 202
    assert answer.json()["retried"] == 2
    assert answer.json()["status"] == "processing"
    assert answer.json()["counts"]["retrying"] == 2


def test_retrying_what_failed_reopens_a_cancelled_batch(api):
    batch_id = bulk(api, 2)
    end(batch_id, Status.FAILED)
    post(api, f"/api/batches/{batch_id}/cancel")
    post(api, f"/api/batches/{batch_id}/retry-failed")
    assert Batch.objects.get().state == BatchState.ACCEPTED


@pytest.mark.parametrize(
    "query", ["limit=x", "cursor=x", "status=failed", "limit=5&limit=6", "created_after=x", "q=%00"]
)
def test_a_bad_parameter_of_a_list_is_refused(api, query):
    problem_of(api.get(f"/api/batches?{query}"), 400)


@pytest.mark.parametrize("path", ["", "/cancel", "/retry-failed"])
@pytest.mark.parametrize("name", ["batch_nothing", "%00", "%ff", "b" * 3000])
def test_an_unknown_batch_is_not_found(api, name, path):
    answer = post(api, f"/api/batches/{name}{path}") if path else api.get(f"/api/batches/{name}")
    problem_of(answer, 404)


def test_two_organizations_do_not_share_batches(api, other_organization):
    batch_id = bulk(api)
    other = client_of(other_organization)
    problem_of(other.get(f"/api/batches/{batch_id}"), 404)
    problem_of(post(other, f"/api/batches/{batch_id}/cancel"), 404)
    problem_of(post(other, f"/api/batches/{batch_id}/retry-failed"), 404)
    assert other.get("/api/batches").json()["results"] == []
    assert other.get(f"/api/contexts?batch_id={batch_id}").json()["results"] == []
    assert Batch.objects.get().state == BatchState.ACCEPTED


def test_batch_that_somebody_else_moves_is_busy(api):
    batch_id = bulk(api)
    with one_at_a_time(f"batch:{batch_id}", "busy"):
        problem = problem_of(post(api, f"/api/batches/{batch_id}/cancel", None), 409)
    assert problem["type"] == "/problems/busy"
    assert post(api, f"/api/batches/{batch_id}/cancel", None).status_code == 202


def ids(answer):
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_batches_are_filtered_by_the_status_that_follows_from_their_contexts(api, organization):
    wanted = {
        "processing": ([Status.COMPLETED, Status.PENDING], BatchState.ACCEPTED),
        "completed": ([Status.COMPLETED, Status.CANCELLED], BatchState.ACCEPTED),
        "completed_with_failures": ([Status.COMPLETED, Status.FAILED], BatchState.ACCEPTED),
        "cancelled": ([Status.FAILED, Status.CANCELLED], BatchState.CANCELLED),
    }
    made = {}
    for status, (statuses, state) in wanted.items():
        made[status] = bulk(api, 2)
        end(made[status], *statuses)
        Batch.objects.filter(pk=made[status]).update(state=state)
    held = bulk(api, 1)
    Context.objects.filter(batch_id=held).update(status=Status.HELD)
    for status, batch_id in made.items():
        found = ids(api.get(f"/api/batches?status={status}"))
        assert found == ([held, batch_id] if status == "processing" else [batch_id])
        assert api.get(f"/api/batches/{batch_id}").json()["status"] == status


def test_batches_are_filtered_by_time_and_name(api):
    old, new = bulk(api, 1, name="Spring articles"), bulk(api, 1, name="Autumn")
    moment = datetime(2023, 5, 15, 10, 30, tzinfo=UTC)
    Batch.objects.filter(pk=old).update(created_at=moment)
    assert ids(api.get("/api/batches?created_before=2023-05-15T10:30:01Z")) == []  # its id is of today
    assert ids(api.get("/api/batches?created_after=2023-05-15T10:30:00Z")) == [new]
    assert ids(api.get("/api/batches?q=spring")) == [old]
    assert ids(api.get(f"/api/batches?q={new}")) == [new]
    assert set(ids(api.get("/api/batches?q=batch_"))) == {old, new}
    assert ids(api.get("/api/batches?q=none")) == []


def test_failed_contexts_beyond_those_that_a_batch_shows_are_walked_as_a_list(api, monkeypatch):
    monkeypatch.setattr("contexts.selectors.FAILED_IDS_SHOWN", 2)
    batch_id = bulk(api, 5)
    end(batch_id, *[Status.FAILED] * 4)
    assert len(api.get(f"/api/batches/{batch_id}").json()["failed_ids"]) == 2
    seen, address = [], f"/api/contexts?batch_id={batch_id}&status=failed&fields=id&limit=3"
    while address:
        page = api.get(address).json()
        seen += [row["id"] for row in page["results"]]
        address = page["next"]
    failed = Context.objects.filter(batch_id=batch_id, status=Status.FAILED)
    assert seen == sorted(failed.values_list("pk", flat=True), reverse=True)


@pytest.mark.parametrize("looked_at", [1, 3, 200])
def test_batches_of_a_status_are_walked_either_way_past_those_that_are_not(api, monkeypatch, looked_at):
    monkeypatch.setattr("base.pagination.LOOKED_AT_ONCE", looked_at)
    made = [bulk(api, 1) for _ in range(9)]
    done = [batch_id for place, batch_id in enumerate(made) if place in (1, 2, 5, 8)]
    for batch_id in done:
        end(batch_id, Status.COMPLETED)
    first = api.get("/api/batches?status=completed&limit=3")
    second = api.get(first.json()["next"])
    assert ids(first) + ids(second) == sorted(done, reverse=True)
    assert second.json()["next"] is None
    assert ids(api.get(second.json()["previous"])) == ids(first)
