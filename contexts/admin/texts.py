"""How times and statuses look on the pages about work."""

from datetime import UTC, datetime

from contexts.bulk.models import BulkState
from contexts.states import Status

# unfold's names of colours
STATUS_COLOURS: dict[str, str] = {
    Status.PENDING: "default",
    Status.PROCESSING: "info",
    Status.RETRYING: "warning",
    Status.COMPLETED: "success",
    Status.FAILED: "danger",
    Status.CANCELLED: "default",
}
BATCH_COLOURS = {
    "processing": "info",
    "completed": "success",
    "completed_with_failures": "danger",
    "cancelled": "default",
}

BULK_COLOURS: dict[str, str] = {
    BulkState.TRYING: "info",
    BulkState.WATCHING: "info",
    BulkState.ASKING: "warning",
    BulkState.RUNNING: "info",
    BulkState.STOPPED: "danger",
    BulkState.DONE: "success",
}


def moment_text(moment: datetime | None) -> str:
    """Write a time as ``2023-05-15 10:30:00``, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def percent_text(share: float | None) -> str:
    """Write a share, 0 to 1: ``98 %``, ``99.6 %``; what is not all is never written as 100 %."""
    if share is None:
        return ""
    return f"{share:.0%}".replace("%", " %") if share in (0.0, 1.0) else f"{min(share, 0.999):.1%}".replace("%", " %")


def count_text(number: float) -> str:
    """Write how many: ``1,200``."""
    return f"{number:,.0f}"


def ago_text(seconds: float) -> str:
    """Write how long ago, or for how long: ``12 s``, ``3 min``, ``2 h``, ``5 days``."""
    whole = max(0, int(seconds))
    for most, unit, size in ((60, "s", 1), (3600, "min", 60), (2 * 86400, "h", 3600)):
        if whole < most:
            return f"{whole // size} {unit}"
    return f"{whole // 86400} days"


def seconds_text(milliseconds: int | None) -> str:
    """Write how long something took: ``45 ms``, ``2.1 s``, ``3 min 5 s``, ``2 h 4 min``."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
