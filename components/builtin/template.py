"""Chooses the template that the content is written by."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from components.contract import Component, ComponentConfig, ContextView, TemplateNotFound, Tools
from components.errors import PermanentError

MAX_LISTED = 20
_SECTION_KEYS = ("type", "sections", "heading", "word_range", "instructions")


class TemplateConfig(ComponentConfig):
    """Which template to take, where the data does not say."""

    template_id: str | None = Field(
        default=None,
        title="Template",
        description="The id of the template to use, such as tmpl_article_technical. Empty: the best match.",
    )


class TemplateComponent(Component[TemplateConfig]):
    """Writes ``template {id, version, sections}``: the one named, else the best match on type, tone and audience."""

    name = "template"
    description = "Chooses the content template: the one named, else the best match on type, tone and audience."
    Config = TemplateConfig
    reads = frozenset({"template_id", "tone", "target_audience"})
    writes = frozenset({"template"})

    async def process(self, context: ContextView, tools: Tools) -> dict[str, Any]:
        wanted = _text(context.data, "template_id") or self.config.template_id
        try:
            found = await tools.templates.find(
                type=context.type,
                tone=_text(context.data, "tone"),
                audience=_text(context.data, "target_audience"),
                template_id=wanted,
            )
        except TemplateNotFound as exc:
            raise _nothing_fits(context.type, wanted, exc.available) from exc
        tools.notes.template_id, tools.notes.template_version = found.id, found.version
        sections = [_in_order(section) for section in found.structure["sections"]]
        return {"template": {"id": found.id, "version": found.version, "sections": sections}}


def _in_order(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return a section with its keys as the user's documents have them: short facts first, the instructions last."""
    return {key: section[key] for key in _SECTION_KEYS if key in section}


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise PermanentError(f"data.{key} must be a text; it is {type(value).__name__}.", type="invalid_data")
    return value.strip()


def _nothing_fits(context_type: str, wanted: str | None, available: list[str]) -> PermanentError:
    missing = f"There is no template {wanted!r}" if wanted else f"No template fits the type {context_type!r}"
    listed = ", ".join(available[:MAX_LISTED]) or "none"
    more = f" and {len(available) - MAX_LISTED} more" if len(available) > MAX_LISTED else ""
    return PermanentError(
        f"{missing}. There are: {listed}{more}. Name one as data.template_id, or publish one for this type.",
        type="template_not_found",
    )
