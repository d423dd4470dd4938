"""What a model must answer for a template: the JSON schema it is given, and the check of what it said."""

import json
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, create_model

from base.strict_json import faults_in
from components.builtin.sections import Part
from components.errors import TransientError

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
_TEXT_SCHEMA = {"type": "string"}
_FENCE = "```"


class Passage(BaseModel):
    """One part of the body."""

    heading: Text
    content: Text


def answer_schema(parts: list[Part]) -> dict[str, Any]:
    """Return the JSON schema, strict as OpenAI wants it: everything required, nothing besides.

    It leaves out counts and lengths: some servers refuse them. `read_answer` checks those.
    """
    return _object({part.key: _part_schema(part) for part in parts})


def _part_schema(part: Part) -> dict[str, Any]:
    if not part.is_list:
        return {**_TEXT_SCHEMA, "description": f"The {part.key} as Markdown paragraphs, without a heading."}
    count = f"Exactly {part.count} items." if part.count else "At least one item."
    return {
        "type": "array",
        "description": count,
        "items": _object({"heading": dict(_TEXT_SCHEMA), "content": dict(_TEXT_SCHEMA)}),
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def read_answer(text: str, parts: list[Part]) -> dict[str, Any]:
    """Return a model's answer as ``generated_content``.

    Raises:
        TransientError: it is empty (``empty_answer``), no JSON (``broken_json``), or of another shape
            (``wrong_schema``). A model may do better when asked again.
    """
    if not text.strip():
        raise TransientError("The model answered with an empty text.", type="empty_answer")
    value = _json(text)
    try:
        answer = _model(tuple((part.key, part.is_list, part.count) for part in parts)).model_validate(value)
    except ValidationError as exc:
        raise TransientError(
            f"The model's answer does not fit the template: {_reason(exc)}.", type="wrong_schema"
        ) from (exc)
    return answer.model_dump()


def _json(text: str) -> Any:
    try:
        value = json.loads(_unfenced(text))
    except (ValueError, RecursionError) as exc:
        reason = str(exc) if isinstance(exc, json.JSONDecodeError) else "it cannot be read"
        raise TransientError(f"The model's answer is not valid JSON: {reason}.", type="broken_json") from exc
    faults = faults_in(value)
    if faults:
        raise TransientError(
            f"The model's answer cannot be stored: {faults[0].message} ({faults[0].path})", type="broken_json"
        )
    return value


def _unfenced(text: str) -> str:
    # models without structured output like to wrap their JSON in a code block
    stripped = text.strip()
    if not stripped.startswith(_FENCE):
        return stripped
    body = stripped.removeprefix(_FENCE).removesuffix(_FENCE)
    return body.removeprefix("json")


def _reason(exc: ValidationError) -> str:
    first = exc.errors(include_url=False, include_input=False)[0]
    place = "/".join(str(part) for part in first["loc"]) or "the whole"
    return f"{place}: {first['msg']}"


@lru_cache(maxsize=256)
def _model(shape: tuple[tuple[str, bool, int | None], ...]) -> type[BaseModel]:
    # making a pydantic class costs a millisecond; hundreds of contexts share one template
    fields: dict[str, Any] = {
        f"part_{index}": (_field_type(is_list, count), Field(alias=key))
        for index, (key, is_list, count) in enumerate(shape)
    }
    return create_model("Answer", __config__=ConfigDict(serialize_by_alias=True), **fields)


def _field_type(is_list: bool, count: int | None) -> Any:
    if not is_list:
        return Text
    return Annotated[list[Passage], Field(min_length=count or 1, max_length=count)]
