"""What is wrong with an input is told in words that say what to do."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from base.problems import InvalidInput
from base.validation import read_model, worded


class Wish(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=3)] = "a"
    code: Annotated[str, Field(min_length=2)] = "ab"
    slug: Annotated[str, Field(pattern=worded(r"^[a-z]+$", "Use small letters."))] = "a"
    plain: Annotated[str, Field(pattern=r"^[0-9]+$")] = "1"
    items: Annotated[list[int], Field(min_length=1, max_length=2)] = Field(default_factory=lambda: [1])
    share: Annotated[float, Field(gt=0, le=2)] = 1
    count: Annotated[int, Field(ge=1, lt=1_000_000)] = 1
    kind: Literal["small", "large"] = "small"


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("name", "", "This must not be empty."),
        ("name", "four", "At most 3 characters."),
        ("code", "a", "At least 2 characters."),
        ("slug", "A", "Use small letters."),
        ("plain", "a", "String should match pattern '^[0-9]+$'."),
        ("items", [], "This must not be empty."),
        ("items", [1, 2, 3], "At most 2; there are 3."),
        ("share", 0, "This must be more than 0."),
        ("share", 2.5, "This must be at most 2."),
        ("count", 0, "This must be at least 1."),
        ("count", 1_000_000, "This must be less than 1000000."),
        ("kind", "huge", "Send 'small' or 'large'."),
    ],
)
def test_a_fault_is_told_in_plain_words(key, value, told):
    with pytest.raises(InvalidInput) as caught:
        read_model(Wish, {key: value})
    assert [(fault.path, fault.message) for fault in caught.value.errors] == [(f"/{key}", told)]
