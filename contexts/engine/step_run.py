"""One run of one step: what the history keeps of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from base.clock import milliseconds_between, to_iso
from base.ids import ID_MAX_LENGTH
from components.contract import StepNotes
from components.errors import ComponentError
from components.pipeline import Step
from contexts.engine.job import Job, Transcript
from contexts.engine.result import MAX_RESULT_BYTES
from contexts.engine.storable import clean_note, clean_text

NOTED = ("model", "input_tokens", "output_tokens", "cost_usd", "template_id", "template_version")


@dataclass
class StepRun:
    """A step run while it happens, and as the history's entry afterwards.

    Args:
        allowed: the keys that the component may write with this configuration.
    """

    step: Step
    attempt: int
    started_at: datetime
    notes: StepNotes = field(default_factory=StepNotes)
    config: dict[str, Any] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()
    outcome: str = ""
    duration_ms: int = 0
    wrote: list[str] = field(default_factory=list)
    replaced: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    traceback: str | None = None
    ended_at: datetime | None = None

    def complete(self, result: dict[str, Any], before: dict[str, Any], now: datetime) -> None:
        """Note success, which keys were written, and what stood there before."""
        self._end("completed", now)
        self.wrote = sorted(result)
        self.replaced = {key: before[key] for key in self.wrote if key in before}

    def skip(self, now: datetime, *, error: ComponentError | None = None, traceback: str | None = None) -> None:
        """Note that the pipeline went on without the step: ``when`` did not hold, or ``on_error`` said so."""
        self._end("skipped", now)
        self._note_error(error, traceback)

    def fail(self, error: ComponentError, traceback: str | None, now: datetime) -> None:
        self._end("failed", now)
        self._note_error(error, traceback)

    def _end(self, outcome: str, now: datetime) -> None:
        self.outcome = outcome
        self.ended_at = now
        self.duration_ms = milliseconds_between(self.started_at, now)

    def _note_error(self, error: ComponentError | None, traceback: str | None) -> None:
        if error is not None:
            self.error = {"type": error.type, "message": error.message, "retryable": error.retryable}
            self.traceback = traceback

    @property
    def template_id(self) -> str | None:
        """The template that the component says it used; None where it says nothing that can be an id."""
        return _id_or_none(clean_note(self.notes.template_id))

    def document(self) -> dict[str, Any]:
        """Return the history's entry, JSON values only; ``replaced`` and ``traceback`` only where there is one."""
        document: dict[str, Any] = {
            "key": self.step.key,
            "component": self.step.component,
            "attempt": self.attempt,
            "started_at": to_iso(self.started_at),
            "ended_at": to_iso(self.ended_at) if self.ended_at else None,
            "duration_ms": self.duration_ms,
            "outcome": self.outcome,
            "error": self.error,
            "wrote": self.wrote,
            "config": self.config,
            **{name: clean_note(getattr(self.notes, name)) for name in NOTED},
        }
        if self.replaced:
            document["replaced"] = self.replaced
        if self.traceback:
            document["traceback"] = self.traceback
        return document


@dataclass(frozen=True)
class StepFailure:
    """Why a stage could not be finished."""

    step: Step
    error: ComponentError
    run: StepRun | None = None

    def document(self, attempt: int, now: datetime) -> dict[str, Any]:
        """Return the context's ``error``."""
        return {
            "component": self.step.key,
            "type": self.error.type,
            "message": self.error.message,
            "retryable": self.error.retryable,
            "attempt": attempt,
            "at": to_iso(now),
        }


def template_used(step_runs: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the template that the last run with one has used."""
    used = (_id_or_none(run.get("template_id")) for run in reversed(step_runs))
    return next((template_id for template_id in used if template_id), None)


def _id_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= ID_MAX_LENGTH else None


def transcript_of(job: Job, run: StepRun) -> Transcript | None:
    """Return the full texts of a run, where the component noted any."""
    notes = run.notes
    if notes.prompt is None and notes.output is None:
        return None
    name = f"{job.id}:{job.lease.attempt}:{run.step.key}"
    prompt, output = (clean_text(text or "", MAX_RESULT_BYTES) for text in (notes.prompt, notes.output))
    return Transcript(name, job.id, prompt, output)
