"""What the log of a context's row says to somebody who follows it: events in order, and from any revision on. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from base.clock import to_iso
from contexts.models import Context
from contexts.move_log import Entry

STATUS = "status"
STEP = "step"
BEGINNING = b": draftline\n\n"
# with each id, not by itself: some clients take a lone hint for an event without data
RETRY_MS = 2000
STILL_HERE = b": still here\n\n"
SHOWN_OF_A_RUN = ("key", "component", "outcome", "duration_ms", "wrote", "error")
SHOWN_OF_A_MOVE = ("reason", "error")


@dataclass(frozen=True)
class Change:
    """What one revision brought: the step runs that it stored, then the status where that is another."""

    revision: int
    at: str
    events: tuple[tuple[str, dict[str, Any]], ...]


def changes_of(context: Context, *, after: int = 0) -> Iterator[Change]:
    """Give the changes later than a revision. What happened before the row had a log is not told."""
    log: list[Entry] = context.moves or [_standing(context)]
    done = 0 if log[0]["revision"] == 1 else _untold(context, log)
    status = None
    for entry in log:
        steps = max(entry.get("steps", done), done)
        if entry["revision"] > after and (events := _events(context, entry, context.step_runs[done:steps], status)):
            yield Change(entry["revision"], entry["at"], tuple(events))
        done, status = steps, entry["status"]


def _untold(context: Context, log: list[Entry]) -> int:
    """Return how many step runs are older than a log that lacks its beginning."""
    first = next((entry["steps"] for entry in log if "steps" in entry), None)
    return len(context.step_runs) if first is None else int(first) - 1


def _standing(context: Context) -> Entry:
    """Return the one entry of a row that is older than the log: how it stands."""
    return {
        "revision": context.revision,
        "at": to_iso(context.updated_at),
        "status": context.status,
        "attempt": context.attempts,
    }


def _events(
    context: Context, entry: Entry, runs: list[dict[str, Any]], status_before: str | None
) -> list[tuple[str, dict[str, Any]]]:
    base = {"id": context.pk, **{key: entry[key] for key in ("revision", "at", "attempt")}}
    events = [(STEP, {**base, "status": "processing", "step": _shown(run, SHOWN_OF_A_RUN)}) for run in runs]
    if entry["status"] != status_before:
        events.append((STATUS, {**base, "status": entry["status"], **_shown(entry, SHOWN_OF_A_MOVE)}))
    return events


def _shown(source: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: source[key] for key in keys if key in source}


def written(kind: str, data: dict[str, Any], id: str | None = None) -> bytes:
    """Return an event as it goes over the wire.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
    """
    name = f"id: {id}\nretry: {RETRY_MS}\n" if id is not None else ""
    return f"{name}event: {kind}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"


def change_written(change: Change) -> bytes:
    """Return the events of a change. Only the last bears the id: who resumes after an id has all of its events."""
    *others, (kind, data) = change.events
    last = written(kind, data, id=str(change.revision))
    return b"".join([*(written(kind, data) for kind, data in others), last])
