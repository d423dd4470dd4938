"""The generator: what the model is asked, and what becomes of its answer."""

import json
from typing import Any

import pytest

from base.problems import InvalidInput
from components.builtin.ai_generator import AiGenerator, AiGeneratorConfig
from components.contract import Tools
from components.errors import ComponentError, PermanentError, TransientError
from components.services import pipeline_plan
from tests.components.conftest import view
from tests.fakes import openai_server as fake

SECTIONS = [
    {"type": "introduction", "instructions": "Introduce {{ title }} for {{ target_audience }}"},
    {"type": "body", "sections": 3, "instructions": "Cover {{ keywords | join(', ') }}"},
    {"type": "conclusion", "instructions": "Summarize"},
]


@pytest.fixture(autouse=True)
def _key(settings, model_server):
    settings.OPENAI_API_KEY = "sk-test"
    settings.OPENAI_BASE_URL = model_server.base_url
    settings.OPENAI_MODEL = "gpt-4"


def data(sections: Any = None, **more: Any) -> dict[str, Any]:
    template = {"id": "tmpl_article_technical", "version": 4, "sections": sections or SECTIONS}
    return {
        "title": "Example Article",
        "keywords": ["microservices", "architecture"],
        "target_audience": "developers",
        "template": template,
        **more,
    }


async def generate(tools: Tools, given: dict[str, Any] | None = None, **config: Any) -> dict[str, Any]:
    return await AiGenerator(AiGeneratorConfig(**config)).process(view(given or data()), tools)


async def failure(tools: Tools, given: dict[str, Any] | None = None, **config: Any) -> ComponentError:
    with pytest.raises(ComponentError) as caught:
        await generate(tools, given, **config)
    return caught.value


async def test_seeds_content_is_written_with_the_seeds_keys(tools, seed_data):
    result = await generate(tools)
    assert result["generated_content"] == seed_data["generated_content"]
    assert list(result["generated_content"]) == ["introduction", "body", "conclusion"]
    assert result["model_used"] == seed_data["model_used"]
    assert result["generation_parameters"] == seed_data["generation_parameters"]
    assert set(result["usage"]) == {"input_tokens", "output_tokens"}
    assert set(result) == {"generated_content", "model_used", "generation_parameters", "usage"}


async def test_prompt_holds_rendered_instructions_and_the_material(tools, model_server):
    await generate(tools, guidance="Write British English.")
    system, user = (message["content"] for message in model_server.bodies[0]["messages"])
    assert "Introduce Example Article for developers" in user
    assert "Cover microservices, architecture" in user
    assert "exactly 3 parts" in user
    assert "Write British English." in system


async def test_clients_data_is_never_a_template(tools, model_server):
    await generate(tools, data(title="{{ 7 * 7 }} {% raw %}"))
    assert "Introduce {{ 7 * 7 }} {% raw %} for" in model_server.bodies[0]["messages"][1]["content"]


async def test_what_was_not_sent_is_empty(tools, model_server):
    await generate(tools, {"template": data()["template"]})
    assert "Introduce  for " in model_server.bodies[0]["messages"][1]["content"]


async def test_schema_is_strict_at_every_level(tools, model_server):
    await generate(tools)
    schema = model_server.bodies[0]["response_format"]["json_schema"]["schema"]
    item = schema["properties"]["body"]["items"]
    for part in (schema, item):
        assert part["additionalProperties"] is False
        assert part["required"] == list(part["properties"])
    assert "minItems" not in json.dumps(schema)


async def test_sections_of_other_types_become_keys_of_their_own(tools):
    sections = [
        {"type": "summary", "instructions": "x"},
        {"type": "faq", "sections": 2, "instructions": "x"},
        {"type": "summary", "instructions": "x"},
        {"type": "body", "instructions": "x"},
    ]
    content = (await generate(tools, data(sections)))["generated_content"]
    assert list(content) == ["summary", "faq", "summary_2", "body"]
    assert isinstance(content["summary_2"], str)
    assert len(content["faq"]) == 2
    assert set(content["faq"][0]) == {"heading", "content"}
    assert len(content["body"]) == 1


async def test_notes_tell_the_history_what_happened(tools):
    result = await generate(tools, input_usd_per_million_tokens=10, output_usd_per_million_tokens=30)
    notes = tools.notes
    assert (notes.model, notes.template_id, notes.template_version) == ("gpt-4", "tmpl_article_technical", 4)
    assert "Introduce Example Article" in (notes.prompt or "")
    assert json.loads(notes.output or "")["introduction"].startswith("Microservices")
    usage = result["usage"]
    assert (notes.input_tokens, notes.output_tokens) == (usage["input_tokens"], usage["output_tokens"])
    assert notes.cost_usd == pytest.approx((usage["input_tokens"] * 10 + usage["output_tokens"] * 30) / 1e6)


async def test_cost_is_unknown_without_prices(tools):
    await generate(tools)
    assert tools.notes.cost_usd is None


def seed_like(**changes: Any) -> dict[str, Any]:
    return {**fake.SEED_CONTENT, **changes}


@pytest.mark.parametrize(
    ("behaviour", "type"),
    [
        (fake.empty(), "empty_answer"),
        (fake.answer("  \n "), "empty_answer"),
        (fake.broken_json(), "broken_json"),
        (fake.answer("Sure! Here is your article."), "broken_json"),
        (fake.answer("[" * 100_000), "broken_json"),
        (fake.answer(json.dumps(seed_like(introduction="a\x00b"))), "broken_json"),
        (fake.answer('{"introduction": "\\ud800"}'), "broken_json"),
        (fake.wrong_schema(), "wrong_schema"),
        (fake.content([]), "wrong_schema"),
        (fake.content("text"), "wrong_schema"),
        (fake.content(seed_like(introduction="  ")), "wrong_schema"),
        (fake.content(seed_like(introduction=7)), "wrong_schema"),
        (fake.content(seed_like(body=fake.SEED_CONTENT["body"][:2])), "wrong_schema"),
        (fake.content(seed_like(body=fake.SEED_CONTENT["body"] * 2)), "wrong_schema"),
        (fake.content(seed_like(body=[{"heading": "x"}] * 3)), "wrong_schema"),
    ],
)
async def test_useless_answer_may_be_tried_again(tools, model_server, behaviour, type):
    model_server.next(behaviour)
    error = await failure(tools)
    assert isinstance(error, TransientError)
    assert error.type == type
    assert tools.notes.output is not None
    assert (await generate(tools))["generated_content"] == fake.SEED_CONTENT


@pytest.mark.parametrize("behaviour", [fake.refusal(), fake.truncated(), fake.failing(401)])
async def test_what_does_not_change_is_permanent(tools, model_server, behaviour):
    model_server.next(behaviour)
    assert isinstance(await failure(tools), PermanentError)
    assert tools.notes.prompt


async def test_answer_in_a_code_block_is_read(tools, model_server):
    model_server.next(fake.answer(f"```json\n{json.dumps(fake.SEED_CONTENT)}\n```"))
    assert (await generate(tools))["generated_content"] == fake.SEED_CONTENT


async def test_keys_that_nobody_asked_for_are_left_out(tools, model_server):
    model_server.next(fake.content({"thoughts": "hm", **fake.SEED_CONTENT}))
    assert (await generate(tools))["generated_content"] == fake.SEED_CONTENT


async def test_missing_template_says_what_to_put_before(tools, model_server):
    error = await failure(tools, {"title": "x"})
    assert (error.type, error.retryable) == ("template_missing", False)
    assert "'template' component before" in error.message
    assert model_server.calls == 0


@pytest.mark.parametrize("template", ["x", {}, {"sections": []}, {"sections": [{"type": "Intro"}]}, {"sections": 7}])
async def test_template_of_another_shape_is_permanent(tools, template):
    error = await failure(tools, {"template": template})
    assert (error.type, error.retryable) == ("invalid_template", False)


async def test_instructions_that_cannot_be_rendered_name_the_section(tools):
    error = await failure(tools, data([{"type": "summary", "instructions": "{{ data.nothing }}"}]))
    assert (error.type, error.retryable) == ("prompt_error", False)
    assert "'summary'" in error.message


@pytest.mark.django_db
def test_unknown_provider_is_refused_at_submission():
    with pytest.raises(InvalidInput) as refused:
        pipeline_plan([{"component": "ai_generator", "config": {"provider": "oracle"}}], from_client=True)
    assert [fault.path for fault in refused.value.errors] == ["/0/config/provider"]


async def test_openai_without_a_key_says_what_to_set(tools, settings):
    settings.OPENAI_API_KEY = ""
    error = await failure(tools, provider="openai")
    assert (error.type, error.retryable) == ("provider_not_set_up", False)
    assert "OPENAI_API_KEY" in error.message


async def test_offline_provider_writes_where_there_is_no_key(tools, settings, model_server):
    settings.OPENAI_API_KEY = ""
    result = await generate(tools)
    assert result["model_used"] == "offline-1"
    assert len(result["generated_content"]["body"]) == 3
    assert model_server.calls == 0
