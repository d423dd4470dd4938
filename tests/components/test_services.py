"""Pipelines against the components that exist, settings merged from class, row and step."""

from typing import Any

import pytest

from base.problems import InvalidInput
from components.builtin.ai_generator import AiGenerator
from components.configurations import component_answers
from components.errors import PermanentError
from components.models import Component, Pipeline
from components.pipeline import Step
from components.services import component_build, pipeline_default, pipeline_get, pipeline_plan
from users.models import Organization

pytestmark = pytest.mark.django_db


def faults(value: Any, *, from_client: bool = True) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        pipeline_plan(value, from_client=from_client)
    return {fault.path: fault.message for fault in caught.value.errors}


@pytest.fixture
def generator_row() -> Component:
    return Component.objects.create(
        id="comp_ai_generator_gpt4",
        name="GPT-4",
        type="ai_generator",
        config={"model": "gpt-4", "temperature": 0.2},
    )


@pytest.fixture
def http_row() -> Component:
    return Component.objects.create(
        id="comp_crm",
        name="CRM",
        type="http",
        config={"url": "https://crm.example/hook", "headers": {"Authorization": "Bearer x"}, "result_key": "crm"},
    )


def test_seeds_pipeline_is_valid():
    assert pipeline_plan(["template", "ai_generator", "transformer"], from_client=True).keys == [
        "template",
        "ai_generator",
        "transformer",
    ]


def test_generator_and_media_may_run_in_parallel():
    pipeline_plan(["template", ["ai_generator", "media"], "transformer"], from_client=True)


def test_unknown_component_is_named_with_what_there_is(generator_row):
    found = faults(["template", "shouter", {"component": "whisperer"}])
    assert list(found) == ["/1", "/2/component"]
    for name in ("'shouter'", "ai_generator", "transformer", "comp_ai_generator_gpt4"):
        assert name in found["/1"]


def test_fifty_unknown_components_cost_as_many_queries_as_one(django_assert_num_queries):
    for count in (1, 50):
        with django_assert_num_queries(2):
            assert len(faults([f"unknown{number}" for number in range(count)])) == count


def test_inactive_row_is_unknown(generator_row):
    Component.objects.update(is_active=False)
    assert list(faults(["comp_ai_generator_gpt4"])) == ["/0"]


def test_row_of_a_type_that_is_gone_is_unknown():
    Component.objects.create(id="comp_old", name="Old", type="uninstalled")
    assert list(faults(["comp_old"])) == ["/0"]


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"temperature": 3}, "/1/config/temperature"),
        ({"temperature": "hot"}, "/1/config/temperature"),
        ({"max_tokens": 0}, "/1/config/max_tokens"),
        ({"colour": "red"}, "/1/config/colour"),
    ],
)
def test_bad_setting_is_named(config, path):
    assert list(faults(["template", {"component": "ai_generator", "config": config}])) == [path]


def test_bad_setting_in_a_parallel_group_is_named():
    step = {"component": "media", "config": {"limit": 0}}
    assert list(faults(["template", ["ai_generator", step]])) == ["/1/1/config/limit"]


def test_bad_setting_of_a_row_is_where_the_row_is_named():
    Component.objects.create(id="comp_bad", name="Bad", type="ai_generator", config={"temperature": 9})
    found = faults(["comp_bad"])
    assert list(found) == ["/0"]
    assert "comp_bad" in found["/0"]
    pipeline_plan([{"component": "comp_bad", "config": {"temperature": 1}}], from_client=True)


@pytest.mark.parametrize("from_client", [True, False])
def test_setting_of_the_staff_is_refused_in_a_step(http_row, from_client):
    step = {"component": "comp_crm", "config": {"url": "https://evil.example"}}
    found = faults(["template", step], from_client=from_client)
    assert list(found) == ["/1/config/url"]
    assert "staff" in found["/1/config/url"]


def test_http_works_through_a_configured_row_only(http_row):
    found = faults(["http"])
    assert list(found) == ["/0"]
    assert "configured component" in found["/0"]
    assert list(faults([{"component": "http", "config": {"url": "https://evil.example"}}])) == ["/0/config/url"]
    pipeline_plan([{"component": "comp_crm", "config": {"send": ["title"]}}], from_client=True)


def test_parallel_steps_that_write_one_key_are_refused(http_row):
    assert list(faults([["ai_generator", {"component": "ai_generator"}]])) == ["/0/1"]
    assert list(faults(["template", ["comp_crm", "comp_crm"]])) == ["/1/1"]


def test_settings_are_class_then_row_then_step(generator_row):
    plain = component_build(Step("a", "ai_generator"))
    assert isinstance(plain, AiGenerator)
    assert (plain.config.temperature, plain.config.max_tokens, plain.config.model) == (0.7, 2000, None)
    row = component_build(Step("a", "comp_ai_generator_gpt4"))
    assert (row.config.temperature, row.config.max_tokens, row.config.model) == (0.2, 2000, "gpt-4")
    step = component_build(Step("a", "comp_ai_generator_gpt4", overrides={"temperature": 0.9}))
    assert (step.config.temperature, step.config.max_tokens, step.config.model) == (0.9, 2000, "gpt-4")


def test_corrected_row_holds_for_the_next_run(generator_row):
    step = Step("a", "comp_ai_generator_gpt4")

    def correct(temperature: int) -> None:
        Component.objects.update(config={"temperature": temperature})
        component_answers.forget()

    correct(7)
    with pytest.raises(PermanentError, match="temperature") as caught:
        component_build(step)
    assert caught.value.type == "invalid_config"
    correct(1)
    assert component_build(step).config.temperature == 1


def test_component_that_was_removed_says_what_to_do():
    with pytest.raises(PermanentError, match="bring it back and retry") as caught:
        component_build(Step("a", "comp_gone"))
    assert caught.value.type == "unknown_component"


def test_types_need_no_query(django_assert_num_queries):
    with django_assert_num_queries(0):
        pipeline_plan(["template", "ai_generator", "transformer"], from_client=True)
        component_build(Step("a", "template"))


def test_rows_of_a_pipeline_are_read_at_once(generator_row, http_row, django_assert_num_queries):
    with django_assert_num_queries(1):
        pipeline_plan(["template", "comp_ai_generator_gpt4", "comp_crm", "comp_crm"], from_client=True)


def pipeline(id: str, **fields: Any) -> Pipeline:
    return Pipeline.objects.create(**{"id": id, "name": id, "steps": ["template"], **fields})


def test_other_organizations_pipeline_is_not_there(organization):
    other = Organization.objects.create(id="org_other", name="Other")
    pipeline("pipe_own", organization=organization)
    pipeline("pipe_shared")
    pipeline("pipe_other", organization=other)
    pipeline("pipe_off", is_active=False)
    found = [pipeline_get(f"pipe_{name}", organization.pk) for name in ("own", "shared", "other", "off", "none")]
    assert [row.pk if row else None for row in found] == ["pipe_own", "pipe_shared", None, None, None]


def default_for(type: str, organization: Organization) -> str | None:
    found = pipeline_default(type, organization.pk)
    return found.pk if found else None


def test_own_default_beats_the_shared_one(organization):
    pipeline("pipe_1_any", is_default=True)
    assert default_for("article", organization) == "pipe_1_any"
    pipeline("pipe_2_shared", is_default=True, context_type="article")
    assert default_for("article", organization) == "pipe_2_shared"
    pipeline("pipe_3_own", is_default=True, context_type="article", organization=organization)
    assert default_for("article", organization) == "pipe_3_own"
    assert default_for("mail", organization) == "pipe_1_any"


def test_type_without_a_default_has_none(organization):
    pipeline("pipe_article", is_default=True, context_type="article")
    assert pipeline_default("mail", organization.pk) is None
