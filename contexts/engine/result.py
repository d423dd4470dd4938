"""What a component may answer, and the key that makes its work safe to repeat. Pure."""

import hashlib
from typing import Any

import orjson

from base.strict_json import faults_in, size_in_bytes
from components.errors import PermanentError

MAX_RESULT_BYTES = 4 * 1024 * 1024
MAX_CONTEXT_BYTES = 12 * 1024 * 1024


def check_result(
    result: Any, *, allowed: frozenset[str], data: dict[str, Any], history: list[dict[str, Any]], step_key: str
) -> None:
    """Make sure that a result can be stored, in one row with the data and the history.

    Args:
        history: the step runs so far; this one will keep the values that the result replaces.

    Raises:
        PermanentError: ``bad_result`` or ``result_too_large``; the message names the step.
    """
    if not isinstance(result, dict):
        raise PermanentError(
            f"{step_key} answered a {type(result).__name__}; a component answers a dict.", type="bad_result"
        )
    strangers = sorted(str(key) for key in result if key not in allowed)
    if strangers:
        raise PermanentError(
            f"{step_key} wrote {', '.join(strangers)}, which it does not declare in 'writes'.", type="bad_result"
        )
    size = _size(result, step_key)
    if size > MAX_RESULT_BYTES:
        raise PermanentError(f"{step_key} answered {size} bytes; at most {MAX_RESULT_BYTES}.", type="result_too_large")
    if faults := faults_in(result):
        raise PermanentError(
            f"{step_key} answered what cannot be stored: {faults[0].path}: {faults[0].message}", type="bad_result"
        )
    replaced = {key: data[key] for key in result if key in data}
    if size + sum(map(size_in_bytes, (data, replaced, history))) > MAX_CONTEXT_BYTES:
        raise PermanentError(
            f"With {step_key}'s answer the context and its history would have more than {MAX_CONTEXT_BYTES} bytes.",
            type="result_too_large",
        )


def _size(result: dict[str, Any], step_key: str) -> int:
    try:
        return size_in_bytes(result)
    except (TypeError, ValueError, RecursionError) as exc:
        raise PermanentError(f"{step_key} answered what is no JSON: {exc}", type="bad_result") from exc


def idempotency_key(context_id: str, step_key: str, data: dict[str, Any]) -> str:
    """Return the key of a step with this input: the same for every try, another for other input."""
    digest = hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return f"{context_id}:{step_key}:{digest[:32]}"
