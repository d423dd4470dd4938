"""Makes templates for the tests of this app."""

from collections.abc import Callable
from typing import Any

import pytest

from templates_app.models import Template, TemplateVersion
from templates_app.services import draft_publish, draft_save

SECTIONS: list[dict[str, Any]] = [
    {"type": "introduction", "instructions": "Introduce {{ title }}"},
    {"type": "body", "sections": 3, "instructions": "Cover {{ keywords | join(', ') }}"},
    {"type": "conclusion", "instructions": "Summarize the key takeaways"},
]
STRUCTURE: dict[str, Any] = {"sections": SECTIONS}


def structure_saying(text: str) -> dict[str, Any]:
    return {"sections": [{"type": "body", "instructions": text}]}


def publish(template: Template, structure: dict[str, Any] = STRUCTURE, note: str = "") -> TemplateVersion:
    return draft_publish(draft_save(template, structure=structure, note=note))


@pytest.fixture
def template(db) -> Template:
    """A shared template for articles, without any version."""
    return Template.objects.create(id="tmpl_article", name="Article", type="article", tone="technical")


@pytest.fixture
def make(db) -> Callable[..., Template]:
    """Makes a template with a published version."""

    def _make(id: str, **fields: Any) -> Template:
        made = Template.objects.create(id=id, **{"name": id, "type": "article", **fields})
        publish(made)
        return made

    return _make
