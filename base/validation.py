"""Reads input with pydantic and answers faults as JSON pointers."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic_core import ErrorDetails, to_json

from base.problems import Fault, InvalidInput, pointer

ModelT = TypeVar("ModelT", bound=BaseModel)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _all_whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _all_whole(item) for key, item in value.items()}
    return [_all_whole(item) for item in value] if isinstance(value, list) else _whole(value)


# Beside StrictInt and its limits, after them: to JSON Schema 5.0 is a whole number too; "5" and true stay none.
WHOLE_NUMBER = BeforeValidator(_whole)

# for pydantic's words, where ours say better what to do
_MESSAGES: Mapping[str, str] = {
    "extra_forbidden": "There is no such key here; take it out.",
    "missing": "This is required.",
    "model_type": "Send a JSON object.",
    "dict_type": "Send a JSON object.",
    "list_type": "Send a list.",
    "string_type": "Send a text.",
    "int_type": "Send a whole number.",
    "float_type": "Send a number.",
    "bool_type": "Send true or false.",
    "literal_error": "Send {expected}.",
    "string_too_short": "At least {min_length} characters.",
    "string_too_long": "At most {max_length} characters.",
    "too_short": "At least {min_length}; there are {actual_length}.",
    "too_long": "At most {max_length}; there are {actual_length}.",
    "greater_than": "This must be more than {gt}.",
    "greater_than_equal": "This must be at least {ge}.",
    "less_than": "This must be less than {lt}.",
    "less_than_equal": "This must be at most {le}.",
}
_NOT_EMPTY = {"string_too_short", "too_short"}
_words_of: dict[str, str] = {}


def worded(pattern: str, words: str) -> str:
    """Return a pattern, and remember what a person is told whose text does not fit it."""
    _words_of[pattern] = words
    return pattern


def read_model(model: type[ModelT], value: Any, path: str = "") -> ModelT:
    """Return ``value`` as ``model``.

    Raises:
        InvalidInput: with a fault for every place that does not fit.
    """
    try:
        return model.model_validate(value)
    except ValidationError as exc:
        raise InvalidInput(pydantic_faults(exc, path)) from exc


def as_schema_says(model: type[ModelT], value: Any) -> ModelT:
    """Return a JSON value as ``model``: taken is what fits the model's JSON schema, not what could be made to fit.

    Raises:
        ValidationError: such as for "5" or true where a number is wanted.
    """
    return model.model_validate_json(to_json(_all_whole(value)), strict=True)


def pydantic_faults(exc: ValidationError, path: str = "") -> list[Fault]:
    """Return pydantic's errors as faults below ``path``."""
    return [
        Fault(path + pointer(*_location(error["loc"])), _message(error))
        for error in exc.errors(include_url=False, include_input=False)
    ]


def _message(error: ErrorDetails) -> str:
    kind, values = error["type"], {name: _whole(value) for name, value in error.get("ctx", {}).items()}
    if kind in _NOT_EMPTY and values["min_length"] == 1:
        return "This must not be empty."
    if kind == "string_pattern_mismatch" and values["pattern"] in _words_of:
        return _words_of[values["pattern"]]
    return _MESSAGES[kind].format_map(values) if kind in _MESSAGES else _sentence(error["msg"])


def _location(parts: tuple[int | str, ...]) -> list[int | str]:
    # pydantic adds the names of union arms and validators; they are no keys of the input
    return [part for part in parts if isinstance(part, int) or not part.startswith(("function-", "constrained-"))]


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"{text[0].upper()}{text[1:]}." if text else "This is not valid."
