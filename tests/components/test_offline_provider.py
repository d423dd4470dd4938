"""The provider that needs no model: the same wishes, the same words."""

import json
import time
from typing import Any

import pytest

from components.builtin.ai_generator import AiGenerator, AiGeneratorConfig
from components.builtin.markdown_text import count_words
from components.contract import ModelRequest, Tools
from components.providers.offline import OfflineProvider
from tests.components.conftest import view

SECTIONS: list[dict[str, Any]] = [
    {"type": "introduction", "instructions": "Introduce the topic with technical context"},
    {"type": "body", "sections": 3, "instructions": "Cover the main points in detail"},
    {"type": "conclusion", "instructions": "Summarize the key takeaways"},
]
DATA = {
    "title": "Example Article",
    "keywords": ["microservices", "architecture", "documentation"],
    "target_audience": "developers",
    "tone": "technical",
}


async def write(tools: Tools, sections: list[dict[str, Any]] = SECTIONS, **data: Any) -> dict[str, Any]:
    given = {**DATA, **data, "template": {"id": "t", "sections": sections}}
    result = await AiGenerator(AiGeneratorConfig(provider="offline")).process(view(given), tools)
    content: dict[str, Any] = result["generated_content"]
    return content


async def test_same_wishes_give_the_same_words(tools):
    assert await write(tools) == await write(tools)
    assert await write(tools) != await write(tools, title="Another Article")


async def test_text_speaks_of_title_keywords_and_instructions(tools):
    content = await write(tools)
    said = json.dumps(content)
    for words in ("Example Article", "microservices", "architecture", "documentation", "developers", "technical"):
        assert words in said
    assert "introduce the topic with technical context" in content["introduction"]
    assert "summarize the key takeaways" in content["conclusion"]
    assert len({passage["heading"] for passage in content["body"]}) == 3
    assert all(passage["content"].count(".") >= 2 for passage in content["body"])


@pytest.mark.parametrize(("low", "high"), [(40, 80), (150, 250), (800, 1200)])
async def test_word_range_is_kept_roughly(tools, low, high):
    text = (await write(tools, [{"type": "summary", "instructions": "Sum up.", "word_range": [low, high]}]))["summary"]
    assert low * 0.9 <= count_words(text) <= high * 1.1


@pytest.mark.parametrize(
    "data",
    [
        {"title": None, "keywords": None, "tone": None, "target_audience": None},
        {"title": "{x} {0} %s", "keywords": ["{y}", "{}"]},
        {"title": 7, "keywords": [1, None, {}], "tone": ["x"]},
        {"title": "ß", "keywords": "one, two"},
    ],
)
async def test_odd_wishes_are_no_trouble(tools, data):
    content = await write(tools, **data)
    assert len(content["body"]) == 3


async def test_any_schema_is_filled():
    schema = {
        "type": "object",
        "properties": {
            "summary": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
            "score": {"type": "number"},
            "kind": {"enum": ["a", "b"]},
        },
    }
    request = ModelRequest("", "", schema, None, 0, 1, 1)
    value = json.loads((await OfflineProvider().generate(request)).text)
    assert set(value) == {"summary", "tags", "score", "kind"}
    assert len(value["tags"]) == 2


async def test_writing_costs_little(tools):
    await write(tools)
    started = time.process_time()
    for _ in range(200):
        await write(tools)
    assert (time.process_time() - started) / 200 < 0.003  # ten times what it takes alone
