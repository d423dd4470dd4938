"""What a write of the engine sets, whatever the database."""

from typing import Any

from contexts.engine.job import Write
from contexts.models import StepTranscript
from contexts.states import MOVES, target


def columns_of(write: Write) -> dict[str, Any]:
    """Return what a write sets, but for the revision."""
    came_from, leads_to = MOVES[write.move]
    if leads_to in came_from:  # a checkpoint keeps status and lease
        return write.values
    return {**write.values, "status": target(write.move), "lease_token": ""}


def transcripts_of(writes: list[Write]) -> list[StepTranscript]:
    """Return the rows of all transcripts of a group, each once."""
    rows = {
        item.id: StepTranscript(id=item.id, context_id=item.context_id, prompt=item.prompt, output=item.output)
        for write in writes
        for item in write.transcripts
    }
    return list(rows.values())
