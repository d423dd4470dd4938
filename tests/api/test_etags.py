"""Who has an answer already is told so in a few bytes, and only then."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F

from base import clock
from contexts.models import Batch, BatchState, Context
from contexts.states import Status
from tests.api.calls import problem_of
from tests.contexts.rows import make_context, ran_context
from tests.media_app.images import image
from tests.templates_app.conftest import make  # noqa: F401

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
ALL_STEPS = ["template", "ai_generator", "transformer"]


@pytest.fixture
def places(api, organization, make) -> dict[str, str]:  # noqa: F811
    """Every kind of thing that can be read, and where."""
    batch = Batch.objects.create(organization=organization, state=BatchState.ACCEPTED, total=1)
    context = ran_context(organization, Status.COMPLETED, ALL_STEPS)
    make_context(organization, batch=batch)
    make("tmpl_x")
    return {
        "context": f"/api/contexts/{context.pk}",
        "steps": f"/api/contexts/{context.pk}/steps",
        "content": f"/api/contexts/{context.pk}/content",
        "contexts": "/api/contexts",
        "batch": f"/api/batches/{batch.pk}",
        "template": "/api/templates/tmpl_x",
        "templates": "/api/templates",
        "version": "/api/templates/tmpl_x/versions/1",
        "media": "/api/media",
        "components": "/api/components",
        "pipelines": "/api/pipelines",
        "me": "/api/me",
        "schema": "/api/schema",
    }


def test_an_answer_that_the_client_has_is_304_without_a_body(api, places):
    for name, path in places.items():
        first = api.get(path)
        assert first.status_code == 200, name
        again = api.get(path, headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b""), name
        assert again["ETag"] == first["ETag"]
        assert "Content-Type" not in again
        assert again.get("Vary", "") == first.get("Vary", "")


@pytest.mark.parametrize("header", ["*", '"a", {tag}', "W/{tag}", '"a",W/"b" , {tag}'])
def test_lists_of_tags_weak_ones_and_the_star_are_understood(api, places, header):
    tag = api.get(places["context"])["ETag"]
    assert api.get(places["context"], headers={"If-None-Match": header.format(tag=tag)}).status_code == 304


@pytest.mark.parametrize("header", ['"a"', "", "nonsense", '"', '"*"', "W/", "é"])
def test_another_tag_is_answered_in_full(api, places, header):
    answer = api.get(places["context"], headers={"If-None-Match": header})
    assert answer.status_code == 200
    assert answer.json()["id"]


def test_head_has_the_tag_of_get(api, places):
    tag = api.get(places["context"])["ETag"]
    assert api.head(places["context"])["ETag"] == tag
    assert api.head(places["context"], headers={"If-None-Match": tag}).status_code == 304


def test_a_problem_is_never_304(api):
    answer = api.get("/api/contexts/ctx_none", headers={"If-None-Match": "*"})
    problem_of(answer, 404)
    assert "ETag" not in answer


@pytest.mark.parametrize(
    "change",
    [
        {"status": Status.PROCESSING, "started_at": MOMENT},
        {"data": {"a": 2}},
        {"waiting_for": "a slow provider"},
        {"priority": 3},
        {"metadata": {"x": 1}},
        {"error": {"component": None, "type": "x", "message": "y", "retryable": False, "attempt": 1, "at": "z"}},
    ],
    ids=str,
)
def test_a_contexts_tag_changes_with_what_can_be_seen(api, organization, change):
    context = make_context(organization)
    tag = api.get(f"/api/contexts/{context.pk}")["ETag"]
    Context.objects.filter(pk=context.pk).update(**change)
    assert api.get(f"/api/contexts/{context.pk}")["ETag"] != tag


def test_a_contexts_tag_stays_while_nothing_can_be_seen_to_change(api, organization):
    context = make_context(organization)
    tag = api.get(f"/api/contexts/{context.pk}")["ETag"]
    Context.objects.filter(pk=context.pk).update(claim_order=F("claim_order") + 1, worker_losses=1)
    make_context(organization)
    assert api.get(f"/api/contexts/{context.pk}")["ETag"] == tag


def test_a_running_batchs_tag_follows_its_contexts_and_not_the_clock(api, organization):
    start = clock.now() - timedelta(minutes=1)
    batch = Batch.objects.create(organization=organization, state=BatchState.ACCEPTED, total=3, created_at=start)
    rows = [make_context(organization, batch=batch) for _ in range(2)]
    make_context(organization, Status.COMPLETED, batch=batch, ended_at=clock.now())
    first = api.get(f"/api/batches/{batch.pk}")
    again = api.get(f"/api/batches/{batch.pk}", headers={"If-None-Match": first["ETag"]})
    assert first["ETag"].startswith("W/")
    assert first.json()["estimated_end"]
    assert again.status_code == 304
    Context.objects.filter(pk=rows[0].pk).update(status=Status.PROCESSING)
    assert api.get(f"/api/batches/{batch.pk}", headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_pages_outside_of_the_api_are_left_alone(client, db):
    assert "ETag" not in client.get("/healthz")


def test_one_image_is_tagged(api):
    made = api.post("/api/media", {"file": SimpleUploadedFile("a.png", image(), "image/png"), "title": "x"})
    tag = api.get(made["Location"])["ETag"]
    assert api.get(made["Location"], headers={"If-None-Match": tag}).status_code == 304
