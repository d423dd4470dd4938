"""The schema of a step says what is taken: no more, no less."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from pydantic import TypeAdapter

from base.problems import InvalidInput
from base.validation import as_schema_says
from components.contract import ComponentConfig
from components.models import Component
from components.public_config import PUBLIC_CONFIGS
from components.registry import BUILTIN, builtin_types
from components.services import pipeline_plan
from components.steps import Steps

pytestmark = pytest.mark.django_db

SCHEMA: dict[str, Any] = TypeAdapter(Steps).json_schema(mode="serialization")
ROW = "comp_writer"


def step(component: Any, **config: Any) -> dict[str, Any]:
    return {"component": component, "config": config}


TAKEN: list[Any] = [
    "template",
    ROW,
    {"component": "template"},
    {"component": "media", "config": None, "when": None, "on_error": "skip"},
    {"component": "template", "when": "data.title"},
    ["ai_generator", {"component": "media"}],
    step("template", template_id="tmpl_x"),
    step("template", template_id=None),
    step("ai_generator", provider="offline", model=None, temperature=0, max_tokens=5.0, guidance=""),
    step("ai_generator", temperature=1, timeout_seconds=0.1),
    step("transformer", format="html", toc=True, max_heading_level=6, max_length=1),
    step("media", tags=["a"], limit=20),
    step(ROW, temperature=2, max_tokens=200_000),
]
REFUSED: list[Any] = [
    "",
    "a#2",
    "x" * 65,
    "http",
    None,
    7,
    [],
    {},
    {"component": 7},
    {"component": "http"},
    {"component": "template", "colour": "red"},
    {"component": "template", "config": []},
    {"component": "template", "on_error": None},
    {"component": "template", "when": 7},
    {"component": "template", "when": "a" * 1001},
    step("template", template_id=7),
    step("template", temperature=0.7),
    step("ai_generator", provider="other"),
    step("ai_generator", temperature="0.7"),
    step("ai_generator", temperature=True),
    step("ai_generator", temperature=None),
    step("ai_generator", temperature=2.1),
    step("ai_generator", max_tokens="5"),
    step("ai_generator", max_tokens=5.5),
    step("ai_generator", max_tokens=True),
    step("ai_generator", timeout_seconds=0),
    step("ai_generator", guidance=7),
    step("ai_generator", input_usd_per_million_tokens=1),
    step("transformer", format="pdf"),
    step("transformer", toc="yes"),
    step("transformer", toc=1),
    step("transformer", max_length=0),
    step("media", tags="a"),
    step("media", tags=[""]),
    step("media", limit=21),
    ["template", ["ai_generator"]],
]


@pytest.fixture(autouse=True)
def _row(db) -> None:
    Component.objects.create(id=ROW, name="Writer", type="ai_generator", config={"temperature": 0.2})


def fits(value: Any) -> bool:
    return bool(Draft202012Validator(SCHEMA).is_valid([value]))


@pytest.mark.parametrize("value", TAKEN, ids=str)
def test_step_that_fits_the_schema_is_taken(value):
    assert fits(value)
    pipeline_plan([value], from_client=True)


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: str(value)[:60])
def test_step_that_does_not_fit_the_schema_is_refused(value):
    assert not fits(value)
    with pytest.raises(InvalidInput):
        pipeline_plan([value], from_client=True)


def test_every_builtin_component_has_named_settings_without_those_of_staff():
    assert len(PUBLIC_CONFIGS) == len(BUILTIN)
    for cls in builtin_types():
        ours = PUBLIC_CONFIGS[cls.name].model_json_schema()
        whole = cls.Config.model_json_schema()
        hidden = {name for name, part in whole["properties"].items() if part.get("staff_only")}
        assert set(ours["properties"]) == set(whole["properties"]) - hidden
        assert "required" not in ours, "an override names what it changes only"
        assert "default" not in str(ours), "a client would send it"


def test_setting_of_a_configured_component_may_be_what_only_its_type_knows():
    assert fits(step("comp_of_a_package", anything={"at": ["all"]}))


def test_settings_of_a_row_are_read_as_strictly():
    Component.objects.create(id="comp_lax", name="Lax", type="ai_generator", config={"temperature": "0.7"})
    with pytest.raises(InvalidInput, match="staff must correct"):
        pipeline_plan(["comp_lax"], from_client=True)


def test_whole_number_is_whole_however_it_is_written():
    class Config(ComponentConfig):
        count: int = 0
        share: float = 0
        names: dict[str, int] = {}

    assert as_schema_says(Config, {"count": 5.0, "share": 2, "names": {"a": 3.0}}) == Config(
        count=5, share=2.0, names={"a": 3}
    )
