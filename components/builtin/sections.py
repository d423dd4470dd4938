"""How a template's sections become keys of ``generated_content``: shared by the generator and the transformer.

Every section type is a key. A section with ``sections: n``, or of type ``body``, is a list of
``{heading, content}``; every other one is a text. Two sections of one type become ``type`` and ``type_2``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from components.errors import PermanentError
from templates_app.structure import Section, Structure

BODY = "body"


@dataclass(frozen=True)
class Part:
    """One key of ``generated_content``.

    Args:
        is_list: a list of ``{heading, content}`` instead of a text.
        count: how many there must be; None for at least one.
    """

    key: str
    section: Section
    is_list: bool
    count: int | None = None


def parts_of(structure: Structure) -> list[Part]:
    """Return the parts in the template's order, each with a key of its own."""
    parts: list[Part] = []
    taken: set[str] = set()
    for section in structure.sections:
        key = _free_key(section.type, taken)
        taken.add(key)
        parts.append(Part(key, section, section.sections is not None or section.type == BODY, section.sections))
    return parts


def _free_key(type: str, taken: set[str]) -> str:
    key, number = type, 1
    while key in taken:
        number += 1
        key = f"{type}_{number}"
    return key


def structure_in(data: Mapping[str, Any]) -> Structure | None:
    """Return the structure in ``data.template``; None where there is no template.

    Raises:
        PermanentError: there is one, but it is no template.
    """
    template = data.get("template")
    if template is None:
        return None
    sections = template.get("sections") if isinstance(template, Mapping) else None
    try:
        return Structure.model_validate({"sections": sections})
    except ValidationError as exc:
        place = "/".join(str(part) for part in exc.errors()[0]["loc"])
        raise PermanentError(
            f"data.template is no template (at {place}): {exc.errors()[0]['msg']}. Leave it to the 'template' step, "
            "or send {id, version, sections}.",
            type="invalid_template",
        ) from exc
