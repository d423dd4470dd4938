"""Contexts over HTTP: submit, list, read."""

from datetime import timedelta

import pytest

from contexts.models import Context
from contexts.states import Status
from tests.api.calls import MINIMAL, SEED_DOCUMENT, paths_of, post, problem_of
from tests.contexts.rows import MOMENT, STEPS, make_context, ran_context, step_run
from users.models import DEFAULT_ORGANIZATION_ID


def test_the_seeds_document_can_be_posted_verbatim(api):
    answer = post(api, "/api/contexts", SEED_DOCUMENT)
    assert answer.status_code == 201, answer.content
    document = answer.json()
    assert document["status"] == "pending"
    assert document["data"] == SEED_DOCUMENT["data"]
    assert document["pipeline"] == SEED_DOCUMENT["pipeline"]
    assert document["id"] != SEED_DOCUMENT["id"]
    assert answer["Location"] == f"/api/contexts/{document['id']}"
    assert Context.objects.get().pk == document["id"]


def test_a_new_context_has_the_keys_of_its_stage_and_no_others(api):
    document = post(api, "/api/contexts", SEED_DOCUMENT).json()
    assert set(document) == {
        *SEED_DOCUMENT,
        "attempts",
        "batch_id",
        "error",
        "metadata",
        "next_retry_at",
        "organization_id",
        "priority",
        "retry_count",
        "revision",
        "user_id",
        "waiting_for",
    }
    assert document["organization_id"] == "org_test"
    assert document["priority"] == 50


def test_a_submitted_context_can_be_read(api):
    made = post(api, "/api/contexts", SEED_DOCUMENT).json()
    answer = api.get(f"/api/contexts/{made['id']}")
    assert answer.status_code == 200
    assert answer.json() == {**made, "waiting_for": "a worker: none is running"}


def test_priority_and_metadata_are_kept(api):
    body = {**MINIMAL, "priority": 0, "metadata": {"mine": [1, 2.5, None, "é"]}}
    document = post(api, "/api/contexts", body).json()
    assert document["priority"] == 0
    assert document["metadata"] == {"mine": [1, 2.5, None, "é"]}


def test_steps_are_shown_as_they_were_submitted(api):
    pipeline = [
        "template",
        {"component": "ai_generator", "config": {"temperature": 0.2}},
        [{"component": "transformer"}],
    ]
    assert post(api, "/api/contexts", {"type": "article", "pipeline": pipeline}).json()["pipeline"] == pipeline


def test_staff_without_an_organization_submit_to_the_default_one(api, administrator):
    api.credentials()
    api.force_login(administrator)
    answer = post(api, "/api/contexts", MINIMAL)
    assert answer.status_code == 201
    assert answer.json()["organization_id"] == DEFAULT_ORGANIZATION_ID
    assert answer.json()["user_id"] == administrator.pk


def test_staff_without_an_organization_see_all(api, administrator, organization):
    context = make_context(organization)
    api.credentials()
    api.force_login(administrator)
    assert api.get(f"/api/contexts/{context.pk}").status_code == 200
    assert [row["id"] for row in api.get("/api/contexts").json()["results"]] == [context.pk]


def test_steps_are_the_whole_history_without_what_is_for_staff(api, organization):
    context = ran_context(organization, Status.FAILED, ["template"])
    context.step_runs[-1] |= {"traceback": "secret", "replaced": {"x": 1}}
    context.save()
    answer = api.get(f"/api/contexts/{context.pk}/steps").json()
    assert [run["key"] for run in answer["results"]] == ["template", "ai_generator"]
    assert set(answer["results"][1]) == set(step_run("ai_generator"))
    assert answer["next"] is None
    assert answer["previous"] is None


def test_settings_that_only_staff_may_see_are_left_out_of_steps(api, organization):
    secret = {"url": "https://example.org/", "headers": {"Authorization": "secret"}, "timeout_seconds": 5}
    context = make_context(
        organization,
        pipeline=[{"component": "http", "config": secret}],
        pipeline_id="pipe_x",
        step_runs=[
            step_run("template", component="http", config=secret),
            step_run("template", component="gone", config=secret),
        ],
    )
    runs = api.get(f"/api/contexts/{context.pk}/steps").json()["results"]
    assert runs[0]["config"] == {"timeout_seconds": 5}
    assert runs[1]["config"] == {}
    document = api.get(f"/api/contexts/{context.pk}").json()
    assert document["pipeline"] == [{"component": "http", "config": {"timeout_seconds": 5}}]


@pytest.mark.parametrize("path", ["", "/steps", "/content"])
@pytest.mark.parametrize("name", ["ctx_nothing", "%00", "%ff%fe", "%ed%a0%80", "a" * 5000, "..%2f..", "%27%20OR%201=1"])
def test_an_unknown_context_is_not_found(api, name, path):
    problem_of(api.get(f"/api/contexts/{name}{path}"), 404)


def test_a_held_context_is_not_found(api, organization):
    context = make_context(organization, Status.HELD)
    problem_of(api.get(f"/api/contexts/{context.pk}"), 404)
    assert api.get("/api/contexts").json()["results"] == []


def test_a_list_is_newest_first_and_leaves_out_data(api, organization):
    rows = [make_context(organization) for _ in range(3)]
    results = api.get("/api/contexts").json()["results"]
    assert [row["id"] for row in results] == sorted((row.pk for row in rows), reverse=True)
    assert "data" not in results[0]
    assert results[0]["pipeline"] == STEPS


def test_pages_stay_stable_while_rows_are_added(api, organization):
    for _ in range(5):
        make_context(organization)
    expected = [row["id"] for row in api.get("/api/contexts").json()["results"]]
    page = api.get("/api/contexts?limit=2").json()
    seen = [row["id"] for row in page["results"]]
    assert page["previous"] is None
    while page["next"]:
        make_context(organization)
        page = api.get(page["next"]).json()
        seen += [row["id"] for row in page["results"]]
    assert seen == expected
    back = api.get(page["previous"]).json()
    assert [row["id"] for row in back["results"]] == expected[2:4]


def ids(answer):
    assert answer.status_code == 200, answer.content
    return {row["id"] for row in answer.json()["results"]}


def test_filters_narrow_the_list(api, organization):
    old = make_context(organization, type="report", title="The Example of old", created_at=MOMENT)
    new = make_context(organization, Status.FAILED, created_at=MOMENT + timedelta(days=1))
    assert ids(api.get("/api/contexts?status=failed")) == {new.pk}
    assert ids(api.get("/api/contexts?status=failed&status=pending")) == {old.pk, new.pk}
    assert ids(api.get("/api/contexts?type=report")) == {old.pk}
    assert ids(api.get("/api/contexts?created_after=2023-05-15T10:30:00Z")) == {new.pk}
    assert ids(api.get("/api/contexts?created_before=2023-05-15T12:30:01%2B02:00")) == {old.pk}
    assert ids(api.get("/api/contexts?created_before=2023-05-16")) == {old.pk}
    assert ids(api.get("/api/contexts?q=example of")) == {old.pk}
    assert ids(api.get(f"/api/contexts?q={new.pk}")) == {new.pk}
    assert ids(api.get(f"/api/contexts?q={new.pk[:-1]}")) >= {new.pk}
    assert ids(api.get("/api/contexts?q=")) == {old.pk, new.pk}
    assert ids(api.get("/api/contexts?q=%25")) == set()
    assert ids(api.get("/api/contexts?type=report&status=failed")) == set()
    assert ids(api.get("/api/contexts?batch_id=batch_none")) == set()


@pytest.mark.parametrize(
    "query",
    [
        "created_after=soon",
        "created_after=2023-13-01",
        "created_after=0001-01-01T00:00:00%2B23:59",
        "created_before=9999-12-31T23:59:59-23:59",
        "created_before=12345",
        "created_after=",
        "created_after=%00",
        "status=finished",
        "status=held",
        "q=%00",
        "q=" + "x" * 201,
        "type=a%00b",
        "batch_id=%00",
        "limit=abc",
        "limit=0",
        "limit=-1",
        "limit=201",
        "limit=1e3",
        "limit=%D9%A1",
        "limit=" + "9" * 5000,
        "limit=",
        "cursor=!!",
        "cursor=%00",
        "cursor=cD0lMDA%3D",
        "cursor=bz05OTk5OTk5OTk5OTk5OTk5eHg%3D",
        "type=a&type=b",
        "stauts=failed",
    ],
)
def test_a_bad_parameter_is_named(api, query):
    name = query.partition("=")[0]
    assert paths_of(api.get(f"/api/contexts?{query}")) == [f"?{name}"]


def test_junk_in_the_query_is_no_error_of_ours(api):
    assert api.get("/api/contexts?q=%ed%a0%80%ff").status_code == 200
