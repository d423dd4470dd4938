"""Streams where no server awaits answers, and what every stream refuses."""

import json

import pytest

from contexts.batches import batch_cancel, batch_submit
from contexts.services import context_cancel, context_submit
from contexts.submission import ContextSubmission, Submitter
from tests.api.calls import client_of, problem_of

SUBMISSION = ContextSubmission(type="article", pipeline=["template"], data={})


@pytest.fixture
def context(organization):
    return context_submit(SUBMISSION, submitter=Submitter(organization.pk, None))[0]


def body_of(answer) -> str:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content).decode()


def test_ended_context_is_told_from_its_beginning(api, context):
    context_cancel(context.pk, organization_id=None)
    body = body_of(api.get(f"/api/contexts/{context.pk}/events"))
    told = [json.loads(line.removeprefix("data: ")) for line in body.splitlines() if line.startswith("data: ")]
    assert [(data["revision"], data["status"]) for data in told] == [(1, "pending"), (2, "cancelled")]


def test_ended_batch_is_told_as_it_stands(api, organization):
    batch, _ = batch_submit([SUBMISSION], submitter=Submitter(organization.pk, None))
    batch_cancel(batch.pk, organization_id=None)
    body = body_of(api.get(f"/api/batches/{batch.pk}/events"))
    assert body.count("event: ") == 1
    assert '"status":"cancelled"' in body


def test_head_gets_no_stream(api, context):
    answer = api.head(f"/api/contexts/{context.pk}/events")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/event-stream")


def test_streams_are_only_read(api, context):
    answer = api.options(f"/api/contexts/{context.pk}/events")
    problem_of(answer, 405)
    assert answer["Allow"] == "GET, HEAD"


def test_others_see_no_stream(api, context, other_organization):
    for path in (f"/api/contexts/{context.pk}/events", "/api/batches/batch_none/events"):
        problem_of(client_of(other_organization).get(path), 404)
        problem_of(client_of(other_organization, "contexts:write").get(path), 403)


def test_client_that_wants_something_else_is_told(api, context):
    problem = problem_of(api.get(f"/api/contexts/{context.pk}/events", headers={"Accept": "text/html"}), 406)
    assert "text/event-stream" in problem["detail"]
    problem_of(api.get(f"/api/contexts/{context.pk}/events?after=1"), 400)


def test_row_that_is_older_than_the_log_tells_how_it_stands(api, context):
    context_cancel(context.pk, organization_id=None)
    type(context).objects.filter(pk=context.pk).update(moves=[])
    body = body_of(api.get(f"/api/contexts/{context.pk}/events"))
    assert body.count("event: ") == 1
    assert '"status":"cancelled"' in body
