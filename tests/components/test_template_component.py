"""The template step, over the real selection."""

import pytest

from components.builtin.template import TemplateComponent, TemplateConfig
from components.errors import PermanentError
from templates_app.models import Template
from templates_app.services import draft_publish, draft_save
from tests.components.conftest import view

pytestmark = pytest.mark.django_db(transaction=True)

SECTIONS = [
    {"type": "introduction", "instructions": "Introduce the topic with technical context"},
    {"type": "body", "sections": 3, "instructions": "Cover the main points in detail"},
    {"type": "conclusion", "instructions": "Summarize the key takeaways"},
]


def published(id: str, **fields) -> Template:
    template = Template.objects.create(**{"id": id, "name": id, "type": "article", **fields})
    draft_publish(draft_save(template, structure={"sections": SECTIONS}))
    return template


@pytest.fixture
def technical(organization) -> Template:
    return published("tmpl_article_technical", tone="technical", audience="developers")


async def run(tools, data, type="article", **config):
    return await TemplateComponent(TemplateConfig(**config)).process(view(data, type=type), tools)


async def test_best_match_is_written_with_the_seeds_keys(technical, tools, seed_data):
    result = await run(tools, {key: seed_data[key] for key in ("title", "tone", "target_audience")})
    assert result == {"template": {"id": "tmpl_article_technical", "version": 1, "sections": SECTIONS}}
    assert [list(section) for section in result["template"]["sections"]] == [
        list(section) for section in seed_data["template"]["sections"]
    ]
    assert (tools.notes.template_id, tools.notes.template_version) == ("tmpl_article_technical", 1)


async def test_named_template_wins(technical, tools):
    result = await run(tools, {"template_id": "tmpl_article_technical", "tone": "merry"}, type="mail")
    assert result["template"]["id"] == "tmpl_article_technical"


async def test_template_of_the_step_is_taken_where_the_data_names_none(technical, tools):
    result = await run(tools, {}, type="mail", template_id="tmpl_article_technical")
    assert result["template"]["id"] == "tmpl_article_technical"


@pytest.mark.parametrize("data", [{"tone": "merry"}, {"template_id": "tmpl_none"}])
async def test_nothing_that_fits_lists_what_there_is(technical, tools, data):
    with pytest.raises(PermanentError, match="tmpl_article_technical") as caught:
        await run(tools, data)
    assert caught.value.type == "template_not_found"


@pytest.mark.parametrize("key", ["template_id", "tone", "target_audience"])
async def test_wish_of_another_kind_names_the_key(tools, organization, key):
    with pytest.raises(PermanentError, match=f"data.{key} must be a text"):
        await run(tools, {key: ["x"]})
