"""The stretches of time that a context spent waiting, at work and standing still, read from its log of moves. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from base.clock import from_iso
from contexts.models import Context
from contexts.states import ENDED, Status


@dataclass(frozen=True)
class Phase:
    """A stretch in one status.

    Args:
        attempt: which attempt it is, where it was at work.
        error, reason: what the log says of why it began.
        is_last: whether the context is still in it.
    """

    status: str
    start: datetime
    end: datetime
    attempt: int | None = None
    error: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    is_last: bool = False


def phases_of(context: Context, now: datetime) -> list[Phase]:
    """Return all phases, the first first.

    Of a row from before there was a log, and of a log whose beginning had to make room, only the first wait is known.
    """
    begun = _begun(context.moves)
    phases: list[Phase] = []
    if not begun or begun[0]["status"] != Status.PENDING:
        phases.append(_first_wait(context, now))
    for at, entry in enumerate(begun):
        start, is_last = from_iso(entry["at"]), at == len(begun) - 1
        if not (is_last and entry["status"] in ENDED):
            end = now if is_last else from_iso(begun[at + 1]["at"])
            phases.append(_phase(entry, start, max(start, end), is_last))
    return phases


def _first_wait(context: Context, now: datetime) -> Phase:
    end = context.started_at or context.ended_at
    return Phase(Status.PENDING, context.created_at, max(context.created_at, end or now), is_last=end is None)


def _begun(moves: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries with which a phase begins: a checkpoint does not end one."""
    found: list[dict[str, Any]] = []
    for entry in moves:
        before = found[-1] if found else {}
        if (entry["status"], entry.get("attempt")) != (before.get("status"), before.get("attempt")):
            found.append(entry)
    return found


def _phase(entry: dict[str, Any], start: datetime, end: datetime, is_last: bool) -> Phase:
    at_work = entry["status"] == Status.PROCESSING
    return Phase(
        status=entry["status"],
        start=start,
        end=end,
        attempt=entry.get("attempt") if at_work else None,
        error=entry.get("error") or {},
        reason=entry.get("reason", ""),
        is_last=is_last,
    )
