"""The one shape of an error: what went wrong, where, and what to do about it (RFC 9457).

Services raise these; the API writes them as ``application/problem+json``; the admin shows the faults beside
their fields. Nothing here knows of HTTP beyond the status number.

Source: https://www.rfc-editor.org/rfc/rfc9457
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

# As many as a bulk submission has contexts; a body can hold a million faults, an answer need not.
MAX_FAULTS = 10_000


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in the input.

    Args:
        path: a JSON pointer to the place, such as ``/pipeline/0``; empty for the whole.
        message: what is wrong and what would be right.
    """

    path: str
    message: str

    def under(self, prefix: str) -> "Fault":
        """Return the same fault, seen from one level further out."""
        return Fault(prefix + self.path, self.message)


class Problem(Exception):
    """Something that a person can be told about; subclasses name the kind."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server-error"
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(self, detail: str, errors: Iterable[Fault] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)

    def document(self) -> dict[str, Any]:
        """Return the problem+json document."""
        return problem_document(
            status=self.status, type=self.type, title=self.title, detail=self.detail, errors=self.errors
        )


def problem_document(
    *, status: int, type: str, title: str, detail: str, errors: Iterable[Fault] = ()
) -> dict[str, Any]:
    """Return ``{type, title, status, detail, errors}``; ``type`` is a reference to the page that explains it."""
    return {
        "type": f"/problems/{type}",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": [asdict(fault) for fault in errors],
    }


class InvalidInput(Problem):
    """The input breaks a rule; ``errors`` names each place. Nothing was stored."""

    status = 400
    type = "invalid-input"
    title = "The input is not valid"

    def __init__(self, errors: Iterable[Fault], detail: str = "") -> None:
        faults = tuple(errors)
        super().__init__(detail or summary(faults), faults[:MAX_FAULTS])


class NotFound(Problem):
    """There is no such thing, or it belongs to another organization."""

    status = 404
    type = "not-found"
    title = "There is no such thing here"


class Conflict(Problem):
    """The wish does not fit the present state; nothing was changed."""

    status = 409
    type = "conflict"
    title = "The present state does not allow that"


class Busy(Problem):
    """Somebody else does just that at this moment; nothing was changed."""

    status = 409
    type = "busy"
    title = "Somebody else does that now"


class PreconditionFailed(Problem):
    """What If-Match names is not what is there now; nothing was changed."""

    status = 412
    type = "precondition-failed"
    title = "It has changed since you read it"


class TooLarge(Problem):
    """The input is larger than the limit."""

    status = 413
    type = "too-large"
    title = "The input is too large"


class IdempotencyMismatch(Problem):
    """The same Idempotency-Key came with another body."""

    status = 422
    type = "idempotency-mismatch"
    title = "This Idempotency-Key was used for another request"


class TooManyStreams(Problem):
    """An organization has as many streams and waits open on one server as it may."""

    status = 429
    type = "too-many-streams"
    title = "Too many streams are open"


def summary(faults: tuple[Fault, ...]) -> str:
    """Say in one line what is wrong: the first fault, and how many more there are."""
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{first.path}: {first.message}{more}" if first.path else f"{first.message}{more}"


def pointer(*parts: str | int) -> str:
    """Join parts into a JSON pointer, escaped as RFC 6901 asks."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)
