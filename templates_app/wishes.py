"""What a client may ask of templates, as it is posted."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StringConstraints

from base.validation import WHOLE_NUMBER, read_model
from templates_app.models import Template
from templates_app.services import MAX_NOTE_LENGTH
from templates_app.structure import SLUG_PATTERN, Structure

MAX_TAGS = 50
MAX_TAG_LENGTH = 100
MAX_DESCRIPTION_LENGTH = 10_000
MAX_NUMBER = 2**31 - 1
EXAMPLE_STRUCTURE: dict[str, Any] = {
    "sections": [
        {"type": "introduction", "instructions": "Introduce {{ title }} to {{ target_audience }}."},
        {"type": "body", "sections": 3, "instructions": "Cover {{ keywords | join(', ') }}."},
        {"type": "conclusion", "instructions": "Summarize the key takeaways."},
    ]
}

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Type = Annotated[
    str, Field(pattern=SLUG_PATTERN, max_length=50, description="The type of context that it serves, such as article.")
]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION_LENGTH)]
Fit = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100), Field(description="Empty: any.")]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TAG_LENGTH)]
Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS)]
IsDefault = Annotated[StrictBool, Field(description="Serves its type where no other template fits.")]
IsActive = Annotated[StrictBool, Field(description="One that is not is no longer chosen.")]
Note = Annotated[str, Field(max_length=MAX_NOTE_LENGTH, description="What changed, for those who read the history.")]


class TemplateWish(BaseModel):
    """What a template is for; its text comes as a draft."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"name": "Technical article", "type": "article", "tone": "technical"}},
    )

    name: Name
    type: Type
    description: Description = ""
    tone: Fit = ""
    audience: Fit = ""
    tags: Tags = Field(default_factory=list)
    is_default: IsDefault = False
    is_active: IsActive = True


class TemplatePatch(BaseModel):
    """What is to change of a template, as a JSON merge patch (RFC 7396): null takes a key back to its default.

    A template always has a name and a type, so these cannot be null.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"tone": "warm", "is_default": True}})

    name: Name = Field(default_factory=str)
    type: Type = Field(default_factory=str)
    description: Description | None = None
    tone: Fit | None = None
    audience: Fit | None = None
    tags: Tags | None = None
    is_default: IsDefault | None = None
    is_active: IsActive | None = None


class DraftWish(BaseModel):
    """The text of a template's next version."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"structure": EXAMPLE_STRUCTURE, "note": "Shorter."}}
    )

    structure: Structure
    note: Note = ""


class PublishWish(BaseModel):
    """How the draft is to be published; an empty body keeps the draft's own note."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"note": "Reviewed by Ada."}})

    note: Note | None = None


class RollBackWish(BaseModel):
    """The version whose text is to be live again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"version": 1}})

    version: Annotated[
        StrictInt,
        Field(ge=1, le=MAX_NUMBER, description="The number of a version that was published."),
        WHOLE_NUMBER,
    ]
    note: Note = ""


def template_patched(template: Template, patch: Any) -> dict[str, Any]:
    """Return the fields that a merge patch changes, with their new values.

    Raises:
        InvalidInput: a value does not fit, or something that a template must have would go.
    """
    wished = read_model(TemplatePatch, patch).model_dump(exclude_unset=True)
    present = {name: getattr(template, name) for name in TemplateWish.model_fields}
    merged = {name: value for name, value in {**present, **wished}.items() if value is not None}
    after = read_model(TemplateWish, merged).model_dump()
    return {name: after[name] for name in wished}
