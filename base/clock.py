"""The one place that asks what time it is."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present time, aware and in UTC, cut to milliseconds.

    MongoDB keeps milliseconds; cutting here makes a stored time equal to the one that was written.
    """
    return cut_to_milliseconds(datetime.now(UTC))


def cut_to_milliseconds(moment: datetime) -> datetime:
    """Drop what a stored time cannot hold."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def to_iso(moment: datetime) -> str:
    """Write a time as the API does: ``2023-05-15T10:30:00Z``, with milliseconds only where there are any."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds") + "Z"


def from_iso(text: str) -> datetime:
    """Read a time that `to_iso` wrote.

    Raises:
        ValueError: the text is not an ISO 8601 time.
    """
    return datetime.fromisoformat(text)


def milliseconds_between(start: datetime, end: datetime) -> int:
    """Return whole milliseconds from start to end."""
    return round((end - start).total_seconds() * 1000)
