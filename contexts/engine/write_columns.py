"""What a write of the engine sets, whatever the database."""

from typing import Any

from base import clock
from contexts.engine.job import Write
from contexts.failure import failure
from contexts.models import StepTranscript
from contexts.move_log import Entry, entry
from contexts.states import ENDED, MOVES, target
from contexts.webhooks.listeners import announcement


def columns_of(write: Write) -> dict[str, Any]:
    """Return what a write sets, but for the revision."""
    came_from, leads_to = MOVES[write.move]
    values = write.values | failure(write.values["error"]) if "error" in write.values else write.values
    if leads_to in came_from:  # a checkpoint keeps status and lease
        return values
    announced = announcement(write.organization_id) if leads_to in ENDED else {}
    return {**values, **announced, "status": target(write.move), "lease_token": ""}


def entry_of(write: Write) -> Entry | None:
    """Return what a write adds to the log of moves; None for a checkpoint that only says why the context waits."""
    came_from, leads_to = MOVES[write.move]
    values = write.values
    step_runs = values.get("step_runs")
    if leads_to in came_from and step_runs is None:
        return None
    return {
        "attempt": write.lease.attempt,
        **entry(
            leads_to,
            values.get("updated_at") or clock.now(),
            steps=None if step_runs is None else len(step_runs),
            reason=values.get("waiting_for", ""),
            error=values.get("error"),
        ),
    }


def transcripts_of(writes: list[Write]) -> list[StepTranscript]:
    """Return the rows of all transcripts of a group, each once."""
    rows = {
        item.id: StepTranscript(id=item.id, context_id=item.context_id, prompt=item.prompt, output=item.output)
        for write in writes
        for item in write.transcripts
    }
    return list(rows.values())
