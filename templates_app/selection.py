"""Which template a context is written by."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from templates_app.models import Template
from templates_app.selectors import live_version, live_versions, templates_visible

TONE_WEIGHT, AUDIENCE_WEIGHT = 2, 1


@dataclass(frozen=True)
class SelectedTemplate:
    """The template that was chosen, with the text of its live version."""

    id: str
    version: int
    structure: dict[str, Any]


class NoTemplateFits(Exception):
    """Nothing could be chosen; ``available`` are the ids that may be named instead, those of the type first."""

    def __init__(self, available: list[str]) -> None:
        super().__init__(f"No template fits; there are: {', '.join(available) or 'none'}.")
        self.available = available


def template_select(
    *, organization_id: str | None, type: str, tone: str = "", audience: str = "", template_id: str | None = None
) -> SelectedTemplate:
    """Return the template named, else the best match, else the default of the type.

    A template matches if its tone and its audience are each empty or as wished, and one of them is as wished; the
    tone counts twice. At equal score the organization's own comes before a shared one, then the lower id. A template
    without a published version is no candidate.

    Raises:
        NoTemplateFits: the named one cannot be used, or nothing matches and the type has no default.
    """
    usable = _usable(organization_id)
    if template_id is not None:
        ranked: Iterable[Template] = usable.filter(pk=template_id)
    else:
        ranked = _ranked(usable.filter(type=type), tone, audience)
    for template in ranked:
        version = live_version(template.pk)
        if version is not None:
            return SelectedTemplate(template.pk, version.number, version.structure)
    raise NoTemplateFits(_available(organization_id, type))


def _usable(organization_id: str | None) -> Any:
    if organization_id is None:  # nobody's: a template of one organization must not serve another
        return Template.objects.filter(is_active=True, organization_id__isnull=True)
    return templates_visible(organization_id).filter(is_active=True)


def _ranked(candidates: Iterable[Template], tone: str, audience: str) -> Iterator[Template]:
    scored = [(_score(template, tone, audience), template) for template in candidates]
    matching = [(score, template) for score, template in scored if score]
    matching.sort(key=lambda pair: (-pair[0], *_precedence(pair[1])))
    yield from (template for _, template in matching)
    yield from sorted((template for _, template in scored if template.is_default), key=_precedence)


def _precedence(template: Template) -> tuple[bool, str]:
    return template.organization_id is None, template.pk


def _score(template: Template, tone: str, audience: str) -> int:
    """Return how well a template fits; 0 means not at all."""
    tone_fits, audience_fits = _fits(template.tone, tone), _fits(template.audience, audience)
    if tone_fits is None or audience_fits is None:
        return 0
    return TONE_WEIGHT * tone_fits + AUDIENCE_WEIGHT * audience_fits


def _fits(offered: str, wished: str) -> bool | None:
    """Tell whether it is as wished; False for "any", None for something else."""
    offered, wished = offered.strip().casefold(), wished.strip().casefold()
    if not offered:
        return False
    return True if offered == wished else None


def _available(organization_id: str | None, type: str) -> list[str]:
    templates = list(_usable(organization_id))
    live = live_versions(template.pk for template in templates)
    usable = [template for template in templates if template.pk in live]
    return [template.pk for template in sorted(usable, key=lambda template: (template.type != type, template.pk))]
