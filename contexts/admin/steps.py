"""A context's way through its pipeline, as the detail page shows it: the chain of steps and the history of runs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from base.clock import from_iso
from components.configurations import Named, named_components
from components.diagram import step_notes
from components.explanations import Explanation, explain
from components.pipeline import Step, parse_pipeline
from contexts.acts import Act
from contexts.admin.access import admin_url
from contexts.admin.article import pretty, shortened
from contexts.admin.step_data import KeyShown, Room
from contexts.admin.texts import seconds_text
from contexts.models import Context, StepTranscript
from contexts.rewind import CORRECTED, DONE_OUTCOMES
from contexts.states import OPEN, Status
from contexts.step_changes import Change, changes_of

VALUE_CHARACTERS = 20_000
# prompts and answers of all runs together, and what each run has at least
PAGE_TEXT_CHARACTERS = 1_000_000
LEAST_TEXT_CHARACTERS = 5_000
LEAST_BAR_PERCENT = 1


@dataclass(frozen=True)
class Link:
    """One step in the chain; ``state`` is done, corrected, skipped, failed, working, waiting or not run."""

    key: str
    state: str
    notes: str


def chain_of(context: Context) -> list[list[Link]]:
    """Return the stages of the pipeline; the steps of one stage run in parallel."""
    plan = parse_pipeline(context.pipeline)
    done = set(context.processing.get("completed_components", []))
    how = {run["key"]: run["outcome"] for run in context.step_runs if run["outcome"] in DONE_OUTCOMES}
    failed = _failed_steps(context)
    chain: list[list[Link]] = []
    is_reached = True
    for stage in plan.stages:
        states = [_state(step.key, context.status, done, how, failed, is_reached) for step in stage]
        chain.append([Link(step.key, state, _notes(step)) for step, state in zip(stage, states, strict=True)])
        is_reached = is_reached and all(step.key in done for step in stage)
    return chain


def step_at_work(context: Context) -> str:
    """Return the first step that is not finished; empty where all are."""
    done = context.processing.get("completed_components", [])
    return next((key for key in parse_pipeline(context.pipeline).keys if key not in done), "")


def _failed_steps(context: Context) -> set[str]:
    if context.status not in (Status.FAILED, Status.RETRYING) or not context.error:
        return set()
    return {str(context.error["component"])}


def _state(key: str, status: str, done: set[str], how: dict[str, str], failed: set[str], is_reached: bool) -> str:
    if key in done:
        return how[key] if how.get(key) in ("skipped", CORRECTED) else "done"
    if key in failed:
        return "failed"
    if status not in OPEN:
        return "not run"
    return "working" if is_reached and status == Status.PROCESSING else "waiting"


def _notes(step: Step) -> str:
    return ", ".join(step_notes(own=step.overrides, when=step.when, may_fail=step.on_error == "skip"))


@dataclass(frozen=True)
class StepRow:
    """One step run, ready to be shown.

    Args:
        number: of the run, from 1; the page's parts link to it.
        reads: what the step found of the keys that its component looks at.
        wrote: what it wrote.
        gone: whether it wrote something that a later run has taken the place of.
    """

    number: int
    key: str
    component: str
    attempt: int
    outcome: str
    started_at: datetime
    duration_ms: int
    bar_percent: int
    wrote_keys: list[str]
    wrote: list[KeyShown]
    reads: list[KeyShown]
    gone: bool
    model: str
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    template: str
    template_url: str
    error: dict[str, Any] | None
    explanation: Explanation | None
    config: str
    prompt: str
    output: str
    traceback: str
    corrected_by: str
    corrected_why: str

    @property
    def took(self) -> str:
        return seconds_text(self.duration_ms)

    @property
    def tokens(self) -> int | None:
        """Return the tokens of both directions; None where the step asked no model."""
        known = [number for number in (self.input_tokens, self.output_tokens) if number is not None]
        return sum(known) if known else None


def step_rows(context: Context, runs: list[dict[str, Any]], *, with_traceback: bool) -> list[StepRow]:
    """Return the history, oldest first.

    Args:
        runs: the entries as far as the person may see them.
    """
    shared = _Shared.of(context, runs)
    changes = changes_of(context.data, context.step_runs, context.processing.get("completed_components", []))
    rows = [
        _row(number, run, change, shared, with_traceback)
        for number, (run, change) in reversed(list(enumerate(zip(runs, changes, strict=True), start=1)))
    ]
    return rows[::-1]  # made from the last one: where a page has no room for all, the last are looked at first


@dataclass(frozen=True)
class _Shared:
    """What all rows of a page need."""

    texts: dict[tuple[int, str], StepTranscript]
    components: dict[str, Named]
    longest_ms: int
    text_characters: int
    room: Room

    @classmethod
    def of(cls, context: Context, runs: list[dict[str, Any]]) -> "_Shared":
        return cls(
            texts=_transcripts(context, runs),
            components=named_components(run["component"] for run in runs),
            longest_ms=max((run["duration_ms"] for run in runs), default=0) or 1,
            text_characters=max(LEAST_TEXT_CHARACTERS, PAGE_TEXT_CHARACTERS // max(1, len(runs))),
            room=Room(),
        )


def _transcripts(context: Context, runs: Iterable[dict[str, Any]]) -> dict[tuple[int, str], StepTranscript]:
    ids = {f"{context.pk}:{run['attempt']}:{run['key']}": (run["attempt"], run["key"]) for run in runs}
    return {ids[row.pk]: row for row in StepTranscript.objects.filter(pk__in=list(ids))}


def _row(number: int, run: dict[str, Any], change: Change | None, shared: _Shared, with_traceback: bool) -> StepRow:
    error = run.get("error")
    template_id, version = run.get("template_id"), run.get("template_version")
    act = Act(**run.get("correction", {}).get("act", {}))
    text, most = shared.texts.get((run["attempt"], run["key"])), shared.text_characters
    named = shared.components.get(run["component"])
    return StepRow(
        number=number,
        key=run["key"],
        component=run["component"],
        attempt=run["attempt"],
        outcome=run["outcome"],
        started_at=from_iso(run["started_at"]),
        duration_ms=run["duration_ms"],
        bar_percent=max(LEAST_BAR_PERCENT, round(run["duration_ms"] * 100 / shared.longest_ms)),
        wrote_keys=run.get("wrote", []),
        wrote=shared.room.change_shown(change) if change else [],
        reads=shared.room.found_shown(change, sorted(named.type.reads)) if change and named else [],
        gone=change is None and bool(run.get("wrote")),
        model=run.get("model") or "",
        input_tokens=run.get("input_tokens"),
        output_tokens=run.get("output_tokens"),
        cost_usd=run.get("cost_usd"),
        template=f"{template_id} v{version}" if template_id else "",
        template_url=admin_url("templates_app_template_change", template_id),
        error=error,
        explanation=explain(error["type"], retryable=error["retryable"]) if error else None,
        config=pretty(run["config"], VALUE_CHARACTERS) if run.get("config") else "",
        prompt=shortened(text.prompt, most) if text else "",
        output=shortened(text.output, most) if text else "",
        traceback=run.get("traceback", "") if with_traceback else "",
        corrected_by=act.name or act.by,
        corrected_why=act.why,
    )
