"""An error as a context's row keeps it: a document for people, and beside it the columns that lists filter by. Pure."""

from typing import Any

MAX_TYPE_LENGTH = 100
MAX_COMPONENT_LENGTH = 128


def failure(error: dict[str, Any] | None) -> dict[str, Any]:
    """Return all columns of an error, or those of none; whoever writes one of them writes all, by the same update."""
    if error is None:
        return {"error": None, "error_type": None, "error_component": None}
    return {
        "error": error,
        "error_type": str(error.get("type", ""))[:MAX_TYPE_LENGTH],
        "error_component": str(error.get("component", ""))[:MAX_COMPONENT_LENGTH],
    }
