"""A client asks for the keys that it needs, and the database for the columns of those."""

from functools import partial

import pytest

from contexts.models import Batch, BatchState, Context
from contexts.states import Status
from tests.api.calls import paths_of
from tests.contexts.rows import make_context, ran_context
from tests.media_app.conftest import add  # noqa: F401
from tests.plans import plans_of
from tests.templates_app.conftest import make  # noqa: F401

BIG = ("data", "metadata", "pipeline", "processing", "step_runs")


@pytest.fixture
def places(organization, add, make) -> dict[str, str]:  # noqa: F811
    """Every list that knows ``fields``, and one row of it."""
    batch = Batch.objects.create(organization=organization, state=BatchState.ACCEPTED, total=1, name="x")
    context = ran_context(organization, Status.FAILED, ["template"], batch=batch)
    return {
        "/api/contexts": context.pk,
        "/api/batches": batch.pk,
        "/api/templates": make("tmpl_x").pk,
        "/api/media": add("A picture").pk,
    }


def test_an_answer_has_the_keys_that_were_asked_for(api, places):
    for path, row in places.items():
        whole = api.get(f"{path}/{row}").json()
        assert api.get(f"{path}/{row}?fields=created_at,id").json() == {key: whole[key] for key in ("id", "created_at")}
        listed = api.get(path).json()["results"][0]
        page = api.get(f"{path}?fields=id,created_at").json()
        assert page == {"results": [{"id": row, "created_at": listed["created_at"]}], "next": None, "previous": None}


def test_each_key_alone_says_what_it_says_among_all(api, places):
    for path, row in places.items():
        for address, read in [(f"{path}/{row}", lambda body: body), (path, lambda body: body["results"][0])]:
            whole = read(api.get(address).json())
            for key, value in whole.items():
                if key not in ("rate_per_minute", "estimated_end"):
                    assert read(api.get(f"{address}?fields={key}").json()) == {key: value}, (address, key)


def test_a_key_that_a_stage_lacks_is_absent(api, organization):
    context = make_context(organization)
    assert api.get(f"/api/contexts/{context.pk}?fields=id,processing,pipeline_id").json() == {"id": context.pk}


@pytest.mark.parametrize(
    "fields", ["", "nope", "id,nope", "id,,status", "ID", "id, status", "x" * 5000, "%00", "%ed%a0%80"]
)
def test_a_key_that_does_not_exist_is_refused_and_the_known_ones_named(api, places, fields):
    for path, row in places.items():
        for address in (path, f"{path}/{row}"):
            answer = api.get(f"{address}?fields={fields}")
            assert paths_of(answer) == ["?fields"]
            assert "created_at" in answer.json()["detail"]
            assert len(answer.content) < 3000


def test_fields_are_sent_once(api, places):
    for path, row in places.items():
        assert paths_of(api.get(f"{path}/{row}?fields=id&fields=type")) == ["?fields"]


def test_a_list_never_carries_the_data(api):
    assert paths_of(api.get("/api/contexts?fields=id,data")) == ["?fields"]


def test_pages_keep_the_fields_and_the_filter(api, organization):
    rows = [make_context(organization, type="report") for _ in range(3)]
    page = api.get("/api/contexts?fields=id&limit=2&type=report").json()
    rest = api.get(page["next"]).json()
    assert [*page["results"], *rest["results"]] == [{"id": row.pk} for row in reversed(rows)]


@pytest.mark.parametrize("fields", ["id,status", "waiting_for,error,next_retry_at,attempts"])
def test_the_database_is_not_asked_for_large_columns_that_nobody_wants(api, organization, fields):
    context = ran_context(organization, Status.RETRYING, ["template"])
    for path in (f"/api/contexts/{context.pk}", "/api/contexts"):
        for plan in plans_of(partial(api.get, f"{path}?fields={fields}"), Context._meta.db_table):
            asked = _columns(plan.query)
            assert not [column for column in BIG if column in asked], plan.query


def test_a_wanted_column_is_read_with_its_row(api, organization):
    context = ran_context(organization, Status.COMPLETED, ["template"])
    for field in ("data", "processing", "pipeline"):
        (plan,) = plans_of(partial(api.get, f"/api/contexts/{context.pk}?fields={field}"), Context._meta.db_table)
        assert field in _columns(plan.query)


def _columns(query: str) -> set[str]:
    """The columns that stand in a query, whatever the database's language."""
    text = query.replace("'pipeline': [", "").replace("'", '"')  # a word of MongoDB's too
    return {str(field.column) for field in Context._meta.concrete_fields if f'"{field.column}"' in text}


def test_texts_of_templates_are_read_only_where_they_are_wanted(api, make):  # noqa: F811
    make("tmpl_x")
    plans = plans_of(lambda: api.get("/api/templates?fields=id,version"), "template_versions")
    assert plans
    assert not [plan for plan in plans if "structure" in plan.query]


def test_the_tag_is_that_of_the_representation(api, places):
    for path, row in places.items():
        tags = {api.get(f"{path}/{row}{query}")["ETag"] for query in ("", "?fields=id", "?fields=id,created_at")}
        assert len(tags) == 3, path
        narrow = f"{path}/{row}?fields=id"
        assert api.get(narrow, headers={"If-None-Match": api.get(narrow)["ETag"]}).status_code == 304
