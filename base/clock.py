"""The one place that asks what time it is: this host's clock, or one that it was told to follow."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class Reference:
    """What a clock that rules showed when our monotonic one showed so many seconds."""

    moment: datetime
    monotonic_seconds: float


_reference: Reference | None = None


def now() -> datetime:
    """Return the present time, aware and in UTC, cut to milliseconds. Costs no input or output.

    MongoDB keeps milliseconds; cutting here makes a stored time equal to the one that was written.
    """
    if _reference is None:
        return cut_to_milliseconds(datetime.now(UTC))
    passed = timedelta(seconds=time.monotonic() - _reference.monotonic_seconds)
    return cut_to_milliseconds(_reference.moment + passed)


def follow(moment: datetime, *, asked_at: float, answered_at: float) -> None:
    """Go on from what another clock showed, by our monotonic one, which nobody sets.

    Args:
        asked_at, answered_at: monotonic seconds before the question and after the answer. The clock was read
            somewhere between; the middle is wrong by half of the way at most.
    """
    global _reference
    _reference = Reference(moment, (asked_at + answered_at) / 2)


def follow_this_host() -> None:
    """Take this host's own clock again."""
    global _reference
    _reference = None


def cut_to_milliseconds(moment: datetime) -> datetime:
    """Drop what a stored time cannot hold."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def to_iso(moment: datetime) -> str:
    """Write a time as the API does: ``2023-05-15T10:30:00Z``, with milliseconds only where there are any."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    text = utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds")
    return text.removesuffix("+00:00") + "Z"


def from_iso(text: str) -> datetime:
    """Read a time that `to_iso` wrote.

    Raises:
        ValueError: the text is not an ISO 8601 time.
    """
    return datetime.fromisoformat(text)


def milliseconds_between(start: datetime, end: datetime) -> int:
    """Return whole milliseconds from start to end."""
    return round((end - start).total_seconds() * 1000)
