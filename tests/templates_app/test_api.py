"""Reading templates over HTTP."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from templates_app.models import Template
from templates_app.services import draft_save
from tests.templates_app.conftest import STRUCTURE, publish, structure_saying
from users.access import Scope
from users.models import Organization
from users.services import apikey_create


def client_with(organization: Organization, *scopes: Scope) -> APIClient:
    _, secret = apikey_create(name="x", organization=organization, scopes=[scope.value for scope in scopes])
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


@pytest.fixture
def theirs(make: Callable[..., Template]) -> Template:
    return make("tmpl_theirs", organization=Organization.objects.create(id="org_other", name="Other"))


def ids(answer) -> list[str]:
    return [row["id"] for row in answer.json()["results"]]


def test_template_is_shown_with_the_text_of_its_live_version(api, template):
    publish(template)
    draft_save(template, structure=structure_saying("draft"))
    answer = api.get("/api/templates/tmpl_article")
    assert answer.status_code == 200
    document = answer.json()
    assert document["structure"] == STRUCTURE
    assert (document["version"], document["has_draft"], document["tone"]) == (1, True, "technical")
    assert document["created_at"].endswith("Z")


def test_template_without_a_published_version_shows_none(api, template):
    document = api.get("/api/templates/tmpl_article").json()
    assert (document["version"], document["structure"], document["has_draft"]) == (None, None, False)


def test_list_holds_own_and_shared_templates_only(api, organization, make, theirs):
    make("tmpl_shared")
    make("tmpl_own", organization=organization)
    assert ids(api.get("/api/templates")) == ["tmpl_shared", "tmpl_own"]


def test_list_is_filtered_by_type_and_activity(api, make):
    make("tmpl_1", type="mail")
    make("tmpl_2", is_active=False)
    make("tmpl_3")
    assert ids(api.get("/api/templates?type=article")) == ["tmpl_3", "tmpl_2"]
    assert ids(api.get("/api/templates?active=true")) == ["tmpl_3", "tmpl_1"]
    assert ids(api.get("/api/templates?type=article&active=false")) == ["tmpl_2"]


def test_list_is_filtered_by_tone_audience_and_name(api, make):
    make("tmpl_1", tone="warm", audience="friends")
    make("tmpl_2", tone="warm")
    make("tmpl_3")
    assert ids(api.get("/api/templates?tone=warm")) == ["tmpl_2", "tmpl_1"]
    assert ids(api.get("/api/templates?tone=warm&audience=")) == ["tmpl_2"]
    assert ids(api.get("/api/templates?tone=")) == ["tmpl_3"]
    assert ids(api.get("/api/templates?q=PL_2")) == ["tmpl_2"]
    assert ids(api.get("/api/templates?q=%25")) == []


def test_filter_that_is_no_truth_is_refused(api):
    answer = api.get("/api/templates?active=maybe")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["path"] == "?active"


def test_list_comes_in_pages(api, make):
    for number in range(3):
        make(f"tmpl_{number}")
    first = api.get("/api/templates?limit=2")
    assert ids(first) == ["tmpl_2", "tmpl_1"]
    assert ids(api.get(first.json()["next"])) == ["tmpl_0"]


def test_versions_are_listed_newest_first_past_the_ninth(api, template, administrator):
    for number in range(11):
        publish(template, note=f"note {number + 1}")
    rows = api.get("/api/templates/tmpl_article/versions").json()["results"]
    assert [row["number"] for row in rows] == list(range(11, 0, -1))
    assert (rows[0]["note"], rows[0]["structure"]) == ("note 11", STRUCTURE)


def test_author_is_shown_by_name(api, template, administrator):
    draft_save(template, structure=STRUCTURE, author=administrator)
    rows = api.get("/api/templates/tmpl_article/versions").json()["results"]
    assert (rows[0]["author"], rows[0]["published_at"]) == ("admin", None)


def test_draft_is_hidden_from_a_key_that_may_only_read(organization, template):
    publish(template)
    draft_save(template, structure=structure_saying("secret plans"))
    reader = client_with(organization, Scope.TEMPLATES_READ)
    rows = reader.get("/api/templates/tmpl_article/versions").json()["results"]
    assert [row["number"] for row in rows] == [1]


@pytest.mark.parametrize("path", ["", "/tmpl_article", "/tmpl_article/versions"])
def test_key_without_the_scope_is_refused(organization, template, path):
    answer = client_with(organization, Scope.CONTEXTS_READ).get(f"/api/templates{path}")
    assert answer.status_code == 403
    assert "templates:read" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["", "/tmpl_article", "/tmpl_article/versions"])
def test_nobody_is_refused(template, path):
    assert APIClient().get(f"/api/templates{path}").status_code == 401


@pytest.mark.parametrize("path", ["tmpl_theirs", "tmpl_theirs/versions", "tmpl_nowhere", "tmpl_nowhere/versions"])
def test_another_organizations_template_is_as_if_it_were_not_there(api, theirs, path):
    answer = api.get(f"/api/templates/{path}")
    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/not-found"


def test_schema_names_what_is_answered(client):
    schema = client.get("/api/schema").json()
    assert {"ContentTemplate", "ContentTemplatePage", "ContentTemplateVersionPage"} <= set(
        schema["components"]["schemas"]
    )
