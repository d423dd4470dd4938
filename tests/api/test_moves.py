"""Retry and cancel over HTTP."""

import pytest

from contexts.models import Context
from contexts.states import Status
from tests.api.calls import paths_of, post, problem_of
from tests.contexts.rows import GENERATED, INPUT, TEMPLATE, make_context, ran_context


@pytest.fixture
def failed(organization) -> Context:
    return ran_context(organization, Status.FAILED, ["template", "ai_generator"])


@pytest.mark.parametrize("body", [None, {}, {"from": "failed"}, {"data": None}, {"from": "transformer", "data": {}}])
def test_a_failed_context_goes_on_where_it_failed(api, failed, body):
    answer = post(api, f"/api/contexts/{failed.pk}/retry", body)
    assert answer.status_code == 202, answer.content
    document = answer.json()
    assert document["status"] == "retrying"
    assert document["error"] is None
    assert document["retry_count"] == 0
    assert document["attempts"] == 1
    assert document["revision"] == failed.revision + 1
    assert document["data"] == {**INPUT, "template": TEMPLATE, "generated_content": GENERATED, "model_used": "offline"}
    assert document["processing"]["completed_components"] == ["template", "ai_generator"]
    assert "end_time" not in document["processing"]


def test_a_retry_from_an_earlier_step_forgets_what_came_after(api, failed):
    document = post(api, f"/api/contexts/{failed.pk}/retry", {"from": "ai_generator"}).json()
    assert document["data"] == {**INPUT, "template": TEMPLATE}
    assert document["processing"]["completed_components"] == ["template"]
    assert document["processing"]["current_component"] == "template"


def test_a_retry_from_the_start_takes_other_data(api, failed):
    body = {"from": "start", "data": {"title": "Other", "tone": None, "keywords": ["x"]}}
    document = post(api, f"/api/contexts/{failed.pk}/retry", body).json()
    assert document["data"] == {"title": "Other", "keywords": ["x"]}
    assert document["processing"]["completed_components"] == []
    assert [row["id"] for row in api.get("/api/contexts?q=other").json()["results"]] == [failed.pk]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"from": "nothing"}, "/from"),
        ({"from": 5}, "/from"),
        ({"from": None}, "/from"),
        ({"step": "start"}, "/step"),
        ({"data": []}, "/data"),
        ({"data": {"template": {}}}, "/data/template"),
        ({"data": {"n": 2**63}}, "/data/n"),
        ([], ""),
        ("start", ""),
    ],
)
def test_a_bad_retry_is_refused_and_changes_nothing(api, failed, body, path):
    assert paths_of(post(api, f"/api/contexts/{failed.pk}/retry", body)) == [path]
    failed.refresh_from_db()
    assert failed.status == Status.FAILED
    assert failed.revision == 1


def test_a_step_that_was_not_reached_cannot_be_retried_from(api, organization):
    context = ran_context(organization, Status.FAILED, ["template"])
    assert paths_of(post(api, f"/api/contexts/{context.pk}/retry", {"from": "transformer"})) == ["/from"]


def test_a_patch_may_not_make_data_too_large(api, failed):
    failed.data |= {"old": "x" * 700_000}
    failed.save()
    body = {"data": {"new": "x" * 700_000}}
    assert paths_of(post(api, f"/api/contexts/{failed.pk}/retry", body), 413) == ["/data"]


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.FAILED, Status.HELD}))
def test_only_a_failed_context_can_be_retried(api, organization, status):
    context = make_context(organization, status)
    problem_of(post(api, f"/api/contexts/{context.pk}/retry"), 409)
    context.refresh_from_db()
    assert (context.status, context.revision) == (status, 1)


@pytest.mark.parametrize("status", [Status.PENDING, Status.PROCESSING, Status.RETRYING])
def test_an_open_context_can_be_cancelled(api, organization, status):
    context = make_context(organization, status, lease_token="wrk_x")
    answer = post(api, f"/api/contexts/{context.pk}/cancel")
    assert answer.status_code == 202
    assert answer.json()["status"] == "cancelled"
    context.refresh_from_db()
    assert context.lease_token == ""


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_a_context_that_ended_cannot_be_cancelled(api, organization, status):
    context = make_context(organization, status)
    problem_of(post(api, f"/api/contexts/{context.pk}/cancel"), 409)
    context.refresh_from_db()
    assert (context.status, context.revision) == (status, 1)


def test_cancel_takes_an_empty_body_and_nothing_else(api, organization):
    context = make_context(organization)
    assert paths_of(post(api, f"/api/contexts/{context.pk}/cancel", {"why": "x"})) == ["/why"]
    assert post(api, f"/api/contexts/{context.pk}/cancel", {}).status_code == 202


@pytest.mark.parametrize("move", ["retry", "cancel"])
def test_a_context_that_nobody_sees_cannot_be_moved(api, organization, move):
    held = make_context(organization, Status.HELD)
    problem_of(post(api, f"/api/contexts/{held.pk}/{move}"), 404)
    problem_of(post(api, f"/api/contexts/ctx_x/{move}"), 404)
