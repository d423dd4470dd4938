"""All that the detail page of a context shows, put together in one place."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from base import clock
from base.clock import from_iso, milliseconds_between
from components.explanations import Explanation, explain
from components.prices import bill_of, money_text, tokens_text
from contexts.acts import Act
from contexts.admin.access import admin_url
from contexts.admin.article import Article, article_of, pretty
from contexts.admin.step_data import KeyShown, Room
from contexts.admin.steps import Link, StepRow, chain_of, step_rows
from contexts.admin.waterfall import Waterfall, waterfall_of
from contexts.bulk.models import BulkOperation
from contexts.correcting import correctable_steps
from contexts.document import step_run_documents
from contexts.models import Context
from contexts.rewind import rewind
from contexts.states import OPEN, Status
from contexts.waiting import waiting_in_full


@dataclass(frozen=True)
class Seen:
    """Who looks: what the page may show depends on it.

    Args:
        staff_settings: whether settings that only staff of Draftline may see are shown.
    """

    may_move: bool
    staff_settings: bool
    tracebacks: bool


@dataclass(frozen=True)
class Failure:
    """The error, in a person's words and in the component's own."""

    component: str
    type: str
    message: str
    attempt: int
    at: datetime
    explanation: Explanation
    is_final: bool


@dataclass(frozen=True)
class Fact:
    """One line of the header."""

    name: str
    value: Any
    url: str = ""


@dataclass(frozen=True)
class Deed:
    """What a person did, for the history.

    Args:
        operation_url: of the operation on many that it was part of; empty where the person who looks finds none.
    """

    at: datetime
    status: str
    act: Act
    operation_url: str


@dataclass(frozen=True)
class ContextPage:
    """What the template reads."""

    context: Context
    failure: Failure | None
    waits_for: str
    mark: str
    facts: list[Fact]
    chain: list[list[Link]]
    waterfall: Waterfall | None
    steps: list[StepRow]
    article: Article
    asked: list[KeyShown]
    data: str
    metadata: str
    deeds: list[Deed]
    can_retry: bool
    can_correct: bool
    can_cancel: bool
    is_open: bool


def context_page(context: Context, seen: Seen) -> ContextPage:
    """Return the page about a context for who looks at it."""
    runs = context.step_runs if seen.staff_settings else _own_runs(context)
    steps = step_rows(context, runs, with_traceback=seen.tracebacks)
    is_open = context.status in OPEN
    waits_for = waiting_in_full(context) or ""
    return ContextPage(
        context=context,
        failure=failure_of(context),
        waits_for=waits_for,
        mark=_mark(context, waits_for),
        facts=_facts(context, steps),
        chain=chain_of(context),
        waterfall=waterfall_of(context, clock.now()),
        steps=steps,
        article=article_of(context),
        asked=Room().value_shown(asked_of(context)),
        data=pretty(context.data),
        metadata=pretty(context.metadata) if context.metadata else "",
        deeds=deeds_of(context, for_staff=seen.staff_settings),
        can_retry=seen.may_move and context.status == Status.FAILED,
        can_correct=seen.may_move and context.status == Status.FAILED and bool(correctable_steps(context)),
        can_cancel=seen.may_move and is_open,
        is_open=is_open,
    )


def mark_of(context: Context) -> str:
    """Return what differs as soon as the page would; costs far less than the page."""
    return _mark(context, waiting_in_full(context) or "")


def _mark(context: Context, waits_for: str) -> str:
    return f"{context.revision} {waits_for}".strip()


def asked_of(context: Context) -> dict[str, Any]:
    """Return what the client asked for: the data without what the steps did to it."""
    return rewind(context.data, context.step_runs, set(context.processing.get("completed_components", [])))


def _own_runs(context: Context) -> list[dict[str, Any]]:
    """Return the history as an organization's own staff see it: as clients do, but for what people corrected."""
    runs = zip(step_run_documents(context), context.step_runs, strict=True)
    return [public | {key: run[key] for key in ("correction",) if key in run} for public, run in runs]


def failure_of(context: Context) -> Failure | None:
    """Return the error that stands in a context."""
    error = context.error
    if not error:
        return None
    return Failure(
        component=str(error["component"] or ""),
        type=error["type"],
        message=error["message"],
        attempt=error["attempt"],
        at=from_iso(error["at"]),
        explanation=explain(error["type"], retryable=error["retryable"]),
        is_final=context.status == Status.FAILED,
    )


def duration_ms(context: Context) -> int | None:
    """Return how long it took from the first pick-up, or takes so far; None before."""
    if context.started_at is None:
        return None
    return milliseconds_between(context.started_at, context.ended_at or clock.now())


def deeds_of(context: Context, *, for_staff: bool) -> list[Deed]:
    """Return what people did to a context, the last first, for staff of Draftline or of its organization."""
    found = [(entry, act) for entry in reversed(context.moves) if (act := Act.of(entry))]
    urls = _operation_urls({act.operation for _, act in found if act.operation}, None if for_staff else context)
    return [Deed(from_iso(entry["at"]), entry["status"], act, urls.get(act.operation, "")) for entry, act in found]


def _operation_urls(ids: set[str], own: Context | None) -> dict[str, str]:
    """Return the pages of those operations that are there still, and are of the context's organization."""
    if not ids:
        return {}
    rows = BulkOperation.objects.filter(pk__in=ids)
    rows = rows if own is None else rows.filter(organization_id=own.organization_id)
    return {pk: admin_url("contexts_bulkoperation_change", pk) for pk in rows.values_list("pk", flat=True)}


def _facts(context: Context, steps: list[StepRow]) -> list[Fact]:
    template = next((step for step in reversed(steps) if step.template), None)
    used = next((step.model for step in reversed(steps) if step.model), "")
    bill = bill_of(context.step_runs)
    facts = [
        Fact("Organization", context.organization.name),
        Fact("Type", context.type),
        Fact("Batch", context.batch_id, admin_url("contexts_batch_change", context.batch_id)),
        Fact("Pipeline", context.pipeline_id, admin_url("components_pipeline_change", context.pipeline_id)),
        Fact("Priority", context.priority),
        Fact("Attempts", context.attempts),
        Fact("Retries after a failure", context.retry_count),
        Fact("Created", context.created_at),
        Fact("Picked up", context.started_at),
        Fact("Ended", context.ended_at),
        Fact("Template", template.template if template else "", template.template_url if template else ""),
        Fact("Model", used),
        Fact("Tokens", tokens_text(bill) if bill.tokens else ""),
        Fact("Cost", money_text(bill) if bill.tokens else ""),
    ]
    return [fact for fact in facts if fact.value not in (None, "")]
