"""What a file of templates is: what each is for, and its live text.

Whether a template is the default of its type, and whether it is switched off, is not in it: that is a matter of each
installation, and a file from elsewhere must not take the default's place.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from base.ids import ID_MAX_LENGTH
from base.problems import Fault, InvalidInput, TooLarge
from base.strict_json import faults_in
from base.strict_yaml import dump_yaml, parse_yaml
from base.validation import as_schema_says, pydantic_faults, worded
from templates_app.models import Template, TemplateVersion
from templates_app.structure import MAX_SECTIONS, Section, Structure
from templates_app.wishes import Description, Fit, Name, Tags, Type

MAX_BYTES = 512 * 1024
MAX_TEMPLATES = 100
KIND = "draftline_templates"
COMMENT = (
    "# Templates of Draftline. An id that is known here is changed by an import; without an id a template is new.\n"
)
PURPOSE = ("name", "type", "description", "tone", "audience", "tags")
ID_PATTERN = worded(r"^tmpl_[A-Za-z0-9_]+$", "An id begins with tmpl_; leave it out for a new template.")


class FileTemplate(BaseModel):
    """A template in a file."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=ID_PATTERN, max_length=ID_MAX_LENGTH)] | None = None
    name: Name
    type: Type
    description: Description = ""
    tone: Fit = ""
    audience: Fit = ""
    tags: Tags = Field(default_factory=list)
    sections: Annotated[list[Section], Field(min_length=1, max_length=MAX_SECTIONS)]

    @property
    def structure(self) -> dict[str, Any]:
        return Structure(sections=self.sections).document()

    @property
    def purpose(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in PURPOSE}


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    draftline_templates: Literal[1]
    templates: Annotated[list[Any], Field(min_length=1, max_length=MAX_TEMPLATES)]


@dataclass(frozen=True)
class Entry:
    """An entry of a file; ``wish`` is None where ``faults`` say what is wrong with it."""

    place: int
    name: str
    wish: FileTemplate | None = None
    faults: tuple[Fault, ...] = field(default=())


def file_read(body: bytes) -> list[Entry]:
    """Return the entries of a file.

    Raises:
        TooLarge: it is larger than a file of templates may be.
        InvalidInput: it is no file of templates; faults of single entries stand in them.
    """
    if len(body) > MAX_BYTES:
        raise TooLarge(f"A file of templates has at most {MAX_BYTES // 1024} KiB.")
    document = parse_yaml(body)
    try:
        file = as_schema_says(_File, document)
    except ValidationError as exc:
        told = f"This is no file of templates: it holds '{KIND}: 1' and a list 'templates'."
        raise InvalidInput(
            [Fault("", told), *(Fault("", fault_text(fault)) for fault in pydantic_faults(exc))]
        ) from exc
    except ValueError as exc:
        raise InvalidInput([Fault("", "The file holds text that cannot be stored.")]) from exc
    return [_entry(place, item) for place, item in enumerate(file.templates, start=1)]


def fault_text(fault: Fault) -> str:
    """Return a fault with its place, for a person."""
    return f"{fault.path.strip('/')}: {fault.message}" if fault.path else fault.message


def _entry(place: int, item: Any) -> Entry:
    name = str(item.get("name") or f"Entry {place}")[:200] if isinstance(item, dict) else f"Entry {place}"
    faults = faults_in(item)
    try:
        wish = None if faults else as_schema_says(FileTemplate, item)
    except ValidationError as exc:
        return Entry(place, name, faults=tuple(pydantic_faults(exc)))
    return Entry(place, name, wish, tuple(faults))


def file_write(texts: Iterable[tuple[Template, TemplateVersion]]) -> str:
    """Return templates with the text of a version each as a file; equal templates make equal files."""
    templates = [_document(template, version.structure) for template, version in texts]
    return COMMENT + dump_yaml({KIND: 1, "templates": templates})


def _document(template: Template, structure: dict[str, Any]) -> dict[str, Any]:
    purpose = {name: value for name in PURPOSE if (value := getattr(template, name))}
    return {"id": template.pk, **purpose, "sections": structure["sections"]}
