"""A context's way through its pipeline, as the detail page shows it: the chain of steps and the history of runs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from base.clock import from_iso
from components.pipeline import Step, parse_pipeline
from contexts.acts import Act
from contexts.admin.access import admin_url
from contexts.admin.article import pretty, shortened
from contexts.admin.explanations import Explanation, explain
from contexts.admin.texts import seconds_text
from contexts.models import Context, StepTranscript
from contexts.rewind import CORRECTED, DONE_OUTCOMES
from contexts.states import Status

VALUE_CHARACTERS = 20_000
LEAST_BAR_PERCENT = 1


@dataclass(frozen=True)
class Link:
    """One step in the chain; ``state`` is done, corrected, skipped, failed, working or waiting."""

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
    return "working" if is_reached and status == Status.PROCESSING else "waiting"


def _notes(step: Step) -> str:
    said = [f"when {step.when}" if step.when else "", "may be skipped" if step.on_error == "skip" else ""]
    return ", ".join(filter(None, said))


@dataclass(frozen=True)
class Written:
    """A key of ``data`` that a step wrote; ``value`` is what stands there now."""

    key: str
    value: str
    is_there: bool


@dataclass(frozen=True)
class StepRow:
    """One step run, ready to be shown."""

    key: str
    component: str
    attempt: int
    outcome: str
    started_at: datetime
    duration_ms: int
    bar_percent: int
    wrote: list[Written]
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
    before: list[Written]

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
    texts = _transcripts(context, runs)
    longest = max((run["duration_ms"] for run in runs), default=0) or 1
    return [_row(run, context.data, texts.get(_transcript_id(context, run)), longest, with_traceback) for run in runs]


def _transcript_id(context: Context, run: dict[str, Any]) -> str:
    return f"{context.pk}:{run['attempt']}:{run['key']}"


def _transcripts(context: Context, runs: Iterable[dict[str, Any]]) -> dict[str, StepTranscript]:
    ids = [_transcript_id(context, run) for run in runs]
    return {row.pk: row for row in StepTranscript.objects.filter(pk__in=ids)}


def _row(
    run: dict[str, Any], data: dict[str, Any], text: StepTranscript | None, longest: int, with_traceback: bool
) -> StepRow:
    error = run.get("error")
    template_id, version = run.get("template_id"), run.get("template_version")
    correction = run.get("correction") or {"act": {}, "before": {}}
    act = Act(**correction["act"])
    return StepRow(
        key=run["key"],
        component=run["component"],
        attempt=run["attempt"],
        outcome=run["outcome"],
        started_at=from_iso(run["started_at"]),
        duration_ms=run["duration_ms"],
        bar_percent=max(LEAST_BAR_PERCENT, round(run["duration_ms"] * 100 / longest)),
        wrote=[_written(key, data) for key in run.get("wrote", [])],
        model=run.get("model") or "",
        input_tokens=run.get("input_tokens"),
        output_tokens=run.get("output_tokens"),
        cost_usd=run.get("cost_usd"),
        template=f"{template_id} v{version}" if template_id else "",
        template_url=admin_url("templates_app_template_change", template_id),
        error=error,
        explanation=explain(error["type"], retryable=error["retryable"]) if error else None,
        config=pretty(run["config"], VALUE_CHARACTERS) if run.get("config") else "",
        prompt=shortened(text.prompt) if text else "",
        output=shortened(text.output) if text else "",
        traceback=run.get("traceback", "") if with_traceback else "",
        corrected_by=act.name or act.by,
        corrected_why=act.why,
        before=[Written(key, pretty(value, VALUE_CHARACTERS), True) for key, value in correction["before"].items()],
    )


def _written(key: str, data: dict[str, Any]) -> Written:
    return Written(key, pretty(data[key], VALUE_CHARACTERS) if key in data else "", key in data)
