"""What a write of the engine sets, whatever the database."""

import re
from collections.abc import Iterator
from typing import Any

from base import clock
from contexts.engine.job import Write
from contexts.failure import failure
from contexts.models import AssetUse, StepTranscript
from contexts.move_log import Entry, entry
from contexts.states import ENDED, MOVES, Move, target
from contexts.webhooks.listeners import announcement

ASSET_ID = re.compile(r"media_[0-9A-Za-z]{1,32}")
MOST_USES = 100


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


def rows_beside(writes: list[Write]) -> list[StepTranscript | AssetUse]:
    """Return the rows that a group stores first, each once: transcripts, and which images a context shows."""
    texts = {
        item.id: StepTranscript(id=item.id, context_id=item.context_id, prompt=item.prompt, output=item.output)
        for write in writes
        for item in write.transcripts
    }
    uses = {use.pk: use for write in writes if write.move is Move.COMPLETE for use in _uses(write)}
    return [*texts.values(), *uses.values()]


def _uses(write: Write) -> Iterator[AssetUse]:
    """Yield a use for each image in what a component wrote as ``media``."""
    shown = write.values.get("data", {}).get("media")
    for item in shown[:MOST_USES] if isinstance(shown, list) else ():
        asset_id = item.get("id") if isinstance(item, dict) else None
        if isinstance(asset_id, str) and ASSET_ID.fullmatch(asset_id):
            yield AssetUse.of(asset_id, write.context_id, write.organization_id)
