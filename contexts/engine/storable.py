"""Makes what components say about themselves fit to be stored and shown, whatever it is. Pure.

Their results are refused where they do not fit; their errors and notes are cut to fit, for a failure that cannot be
written down would be one that nobody sees.
"""

from math import isfinite
from typing import Any

from base.strict_json import is_storable
from components.errors import ComponentError, PermanentError, TransientError

MAX_TYPE_LENGTH = 100
MAX_MESSAGE_LENGTH = 4_000
MAX_TRACEBACK_LENGTH = 20_000
MAX_NOTE_LENGTH = 1_000


def clean_text(value: object, limit: int) -> str:
    """Return a text without NUL and halves of surrogate pairs, at most ``limit`` characters of it."""
    text = value if isinstance(value, str) else f"{type(value).__name__}: {_said(value)}"
    cut = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return cut.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def clean_tail(text: str, limit: int) -> str:
    """Return the end of a text: of a traceback that is the part that tells."""
    return clean_text(text[-limit:], limit)


def clean_note(value: Any) -> Any:
    """Return a number or a short text; None for a number that is none."""
    if isinstance(value, float) and not isfinite(value):
        return None
    if not isinstance(value, str) and not isinstance(value, list | dict) and is_storable(value):
        return value
    return clean_text(value, MAX_NOTE_LENGTH)


def clean_error(error: ComponentError) -> ComponentError:
    """Return the same error in words that can be stored, with a wait that is a number or none."""
    message = clean_text(getattr(error, "message", str(error)), MAX_MESSAGE_LENGTH)
    kind = clean_text(getattr(error, "type", "") or error.default_type, MAX_TYPE_LENGTH)
    if not error.retryable:
        return PermanentError(message, type=kind)
    return TransientError(message, type=kind, retry_after=_seconds(getattr(error, "retry_after", None)))


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and isfinite(value) else None


def _said(value: object) -> str:
    try:
        return str(value)
    except Exception:  # somebody else's __str__
        return "?"
