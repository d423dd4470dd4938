"""Components and pipelines over HTTP."""

import pytest

from components.models import Component, Pipeline
from users.models import Organization

pytestmark = pytest.mark.django_db


def test_components_come_with_the_schema_of_their_settings(api):
    answer = api.get("/api/components")
    assert answer.status_code == 200
    types = {entry["name"]: entry for entry in answer.json()["types"]}
    assert {"template", "ai_generator", "transformer", "media", "http"} <= set(types)
    assert types["ai_generator"]["config_schema"]["properties"]["temperature"]["default"] == 0.7
    assert "generated_content" in types["ai_generator"]["writes"]


def test_what_only_staff_see_is_left_out(api):
    Component.objects.create(
        id="comp_crm",
        name="CRM",
        type="http",
        config={"url": "https://crm.example", "headers": {"Authorization": "Bearer secret"}, "send": ["title"]},
    )
    Component.objects.create(id="comp_off", name="Off", type="http", is_active=False)
    answer = api.get("/api/components")
    assert [(row["id"], row["config"]) for row in answer.json()["configured"]] == [("comp_crm", {"send": ["title"]})]
    assert "secret" not in answer.content.decode()


def test_pipelines_are_own_and_shared_ones(api, organization):
    other = Organization.objects.create(id="org_other", name="Other")
    Pipeline.objects.create(id="pipe_own", name="Own", organization=organization, steps=["template"])
    Pipeline.objects.create(id="pipe_shared", name="Shared", steps=["template"], context_type="article")
    Pipeline.objects.create(id="pipe_other", name="Other", organization=other, steps=["template"])
    answer = api.get("/api/pipelines")
    assert answer.status_code == 200
    assert set(answer.json()) == {"results", "next", "previous"}
    assert {row["id"]: row["is_shared"] for row in answer.json()["results"]} == {
        "pipe_own": False,
        "pipe_shared": True,
    }
    assert answer.json()["results"][0]["steps"] == ["template"]


@pytest.mark.parametrize("path", ["/api/components", "/api/pipelines"])
def test_nobody_is_asked_for_a_key(client, path):
    assert client.get(path).status_code == 401


def test_unknown_parameter_is_refused(api):
    answer = api.get("/api/pipelines?page=2")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == "?page"
