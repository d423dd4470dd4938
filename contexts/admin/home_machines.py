"""What works: the live workers, and the model providers with what is left alone for now. For staff of Draftline."""

from dataclasses import dataclass
from typing import Any

from base import clock
from contexts.admin.providers import STATE_COLOURS as PROVIDER_COLOURS
from contexts.admin.providers import ProviderRow, provider_row
from contexts.admin.texts import ago_text
from contexts.admin.workers import STATE_COLOURS, state_of
from contexts.engine.vital_signs import vital_signs_of
from contexts.models import Provider, Worker, WorkerState

WORKERS_SHOWN = 12


@dataclass(frozen=True)
class WorkerRow:
    """A live worker, as the first page shows it."""

    name: str
    state: str
    colour: str
    in_flight: int
    heard: str
    version: str


def worker_rows() -> tuple[list[WorkerRow], int]:
    """Return the workers that are not known to be gone, the newest first, and how many more there are."""
    rows = list(Worker.objects.filter(state=WorkerState.LIVE).order_by("-heartbeat_at")[: WORKERS_SHOWN + 100])
    signs = vital_signs_of([row.pk for row in rows])
    shown = [_worker_row(row, signs.get(row.pk)) for row in rows[:WORKERS_SHOWN]]
    return shown, len(rows) - len(shown)


def _worker_row(row: Worker, signs: dict[str, Any] | None) -> WorkerRow:
    state = state_of(row, signs)
    return WorkerRow(
        name=str(row),
        state=state,
        colour=STATE_COLOURS[state],
        in_flight=row.in_flight,
        heard=f"{ago_text((clock.now() - row.heartbeat_at).total_seconds())} ago",
        version=row.version,
    )


def provider_rows() -> list[tuple[ProviderRow, str]]:
    """Return every provider that was called, each with its colour."""
    rows = [provider_row(provider) for provider in Provider.objects.order_by("pk")]
    return [(row, PROVIDER_COLOURS[row.state]) for row in rows]
