"""What passes between the engine's parts: a claimed context, and what is to be written of it. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from contexts.engine.admission import Candidate
from contexts.states import Move


@dataclass(frozen=True)
class Lease:
    """The sole right to write a context: the worker's token, fenced by the number of the attempt."""

    token: str
    attempt: int


@dataclass(frozen=True)
class Job:
    """A context as it was when it was claimed; the field names are those of the row."""

    id: str
    lease: Lease
    type: str
    organization_id: str
    pipeline: list[Any]
    data: dict[str, Any]
    metadata: dict[str, Any]
    processing: dict[str, Any]
    step_runs: list[dict[str, Any]]
    started_at: datetime
    retry_count: int = 0
    worker_losses: int = 0


@dataclass(frozen=True)
class Line:
    """What waits to be claimed, each kind in its order, and whether the worker that looks may still hold leases."""

    retries: list[Candidate]
    fresh: list[Candidate]
    is_live: bool


@dataclass(frozen=True)
class Transcript:
    """The full texts of one step run, stored before its checkpoint."""

    id: str
    context_id: str
    prompt: str
    output: str


@dataclass(frozen=True)
class Write:
    """One move of one context, to be matched against its lease.

    Args:
        values: column -> new value, as stored; status, lease and revision follow from the move.
        organization_id: whose context it is; an end may have to be announced.
    """

    context_id: str
    lease: Lease
    move: Move
    values: dict[str, Any] = field(default_factory=dict)
    transcripts: tuple[Transcript, ...] = ()
    organization_id: str = ""


class LeaseLost(Exception):
    """The context is no longer ours: cancelled, or taken over. Nothing was written, nothing is to be done."""


class CheckpointStore(Protocol):
    async def commit(self, write: Write) -> None:
        """Make a write durable.

        Raises:
            LeaseLost: the row did not match the lease.
        """
        ...
