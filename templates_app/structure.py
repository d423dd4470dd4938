"""What a template's structure is. Pure: no Django, no database.

The shape is the user's own (data-flow document, "After Template Component")::

    {"sections": [{"type": "introduction", "instructions": "..."},
                  {"type": "body", "sections": 3, "instructions": "..."},
                  {"type": "conclusion", "instructions": "..."}]}
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from base.validation import worded

MAX_SECTIONS = 50
MAX_INSTRUCTIONS_LENGTH = 10_000
# The type of a context, and so of the templates and pipelines for it.
SLUG_WORDS = "Lower-case letters, digits, hyphens and underscores; a letter first."
SLUG_PATTERN = worded(r"^[a-z][a-z0-9_-]*$", SLUG_WORDS)
# A section's type becomes a key of the generated content.
SECTION_TYPE_WORDS = "Use lower-case letters, digits and underscores, a letter first."
SECTION_TYPE_PATTERN = worded(r"^[a-z][a-z0-9_]*$", SECTION_TYPE_WORDS)

WordCount = Annotated[int, Field(ge=1, le=100_000)]


class Section(BaseModel):
    """One part of the content, and what the model is told about it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Annotated[str, Field(pattern=SECTION_TYPE_PATTERN, max_length=50)]
    instructions: Annotated[str, Field(min_length=1, max_length=MAX_INSTRUCTIONS_LENGTH)]
    sections: Annotated[int, Field(ge=1, le=20)] | None = None
    heading: Annotated[str, Field(max_length=200)] | None = None
    word_range: tuple[WordCount, WordCount] | None = None

    @model_validator(mode="after")
    def _range_runs_upwards(self) -> "Section":
        if self.word_range and self.word_range[0] > self.word_range[1]:
            raise ValueError("word_range names the smaller number first")
        return self


class Structure(BaseModel):
    """The recipe of one template version."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sections: Annotated[list[Section], Field(min_length=1, max_length=MAX_SECTIONS)]

    def document(self) -> dict[str, Any]:
        """Return the JSON form, without the keys that were left empty."""
        return self.model_dump(mode="json", exclude_none=True)
