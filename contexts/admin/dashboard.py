"""What the admin's first page shows: is work being done, how it goes, what fails. Reads indexes, never whole tables."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from base import clock
from base.ids import first_id_at
from components.explanations import explain
from contexts.admin.access import admin_url
from contexts.admin.detail import failure_of
from contexts.admin.home_charts import home_charts
from contexts.admin.home_machines import provider_rows, worker_rows
from contexts.admin.texts import ago_text, moment_text
from contexts.doorbell import drains_live
from contexts.models import Context
from contexts.outcomes.counting import counted_until
from contexts.outcomes.selectors import errors_lately
from contexts.outcomes.tally import OTHER
from contexts.selectors import contexts_visible
from contexts.states import Status
from users.scoped_admin import organization_of

RECENT = timedelta(hours=24)
COUNTED_MOST = 1000
FAILURES_SHOWN = 8
ERRORS_SHOWN = 10


@dataclass(frozen=True)
class Card:
    """A number with its name; ``tone`` is one of unfold's colours."""

    name: str
    number: str
    url: str
    tone: str
    note: str = ""


@dataclass(frozen=True)
class ErrorRow:
    """Contexts that failed alike, in a person's words."""

    short: str
    meaning: str
    component: str
    type: str
    number: int
    url: str


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the numbers to the first page, for those who may see contexts; of their organization where they have one."""
    context = {**context, "title": "Overview"}
    if not request.user.has_perm("contexts.view_context"):
        return context
    own, until = organization_of(request), counted_until()
    failures = _failures(own)
    found: dict[str, Any] = {
        "cards": _cards(own),
        "charts": home_charts(own),
        "errors": _errors(own),
        "failures": failures,
        "are_errors_behind": any(until is None or item["ended_at"] > until for item in failures),
        "counted": _counted_text(until),
    }
    if own is None:
        workers, more_workers = worker_rows()
        found |= {"workers": workers, "more_workers": more_workers, "providers": provider_rows(), "is_everybody": True}
        found["cards"] = [*found["cards"], _workers_card()]
    return {**context, **found}


def _counted_text(until: datetime | None) -> str:
    if until is None:
        return "Nothing is counted yet; the workers' chores count once a minute."
    return f"Counted up to {until:%H:%M} UTC, {ago_text((clock.now() - until).total_seconds())} ago."


# --- now ------------------------------------------------------------------------------------------------------
def _cards(own: str | None) -> list[Card]:
    since = clock.now() - RECENT
    recent = contexts_visible(own).filter(pk__gte=first_id_at("ctx", since))
    lately = "submitted in the last 24 hours"
    return [
        _card("Waiting", contexts_visible(own), Status.PENDING, "default", _longest_wait(own)),
        _card("In work", contexts_visible(own), Status.PROCESSING, "info", "now"),
        _card("Retrying", contexts_visible(own), Status.RETRYING, "warning", "after a failure"),
        _card("Failed", recent, Status.FAILED, "danger", lately),
        _card("Completed", recent, Status.COMPLETED, "success", lately),
    ]


def _longest_wait(own: str | None) -> str:
    """Say how long the one has waited that was submitted first."""
    pending = contexts_visible(own).filter(status=Status.PENDING).order_by("pk").only("created_at")[:1]
    first = next(iter(pending), None)
    if first is None:
        return "for a free worker"
    return f"the oldest for {ago_text((clock.now() - first.created_at).total_seconds())}"


def _card(name: str, rows: QuerySet[Context], status: Status, tone: str, note: str) -> Card:
    number = rows.filter(status=status).order_by()[: COUNTED_MOST + 1].count()
    shown = f"{COUNTED_MOST}+" if number > COUNTED_MOST else str(number)
    return Card(name, shown, _list_url(status=status.value), tone if number else "default", note)


def _workers_card() -> Card:
    count, url = drains_live().count(), reverse("admin:contexts_worker_changelist")
    if not count:
        return Card("Workers", "0", url, "danger", "nothing is worked on; start script/server")
    return Card("Workers", str(count), url, "success", "heard of in the last seconds")


def _list_url(**asked: str) -> str:
    return f"{reverse('admin:contexts_context_changelist')}?{urlencode(asked)}"


# --- what fails -----------------------------------------------------------------------------------------------
def _errors(own: str | None) -> list[ErrorRow]:
    return [_error_row(one.component, one.type, one.number) for one in errors_lately(own, most=ERRORS_SHOWN)]


def _error_row(component: str, type: str, number: int) -> ErrorRow:
    if (component, type) == (OTHER, OTHER):
        return ErrorRow(
            "Others", "Errors of more types than are kept apart.", "", "", number, _list_url(status="failed")
        )
    words = explain(type, retryable=False)
    url = _list_url(status=Status.FAILED.value, error=type, component=component)
    return ErrorRow(words.short, words.meaning, component, type, number, url)


def _failures(own: str | None) -> list[dict[str, Any]]:
    rows = contexts_visible(own).filter(status=Status.FAILED).order_by("-pk")
    found = rows.defer("data", "metadata", "step_runs", "moves")[:FAILURES_SHOWN]
    return [
        {
            "title": row.title or row.pk,
            "url": admin_url("contexts_context_change", row.pk),
            "when": moment_text(row.ended_at),
            "ended_at": row.ended_at or row.created_at,
            "failure": failure_of(row),
        }
        for row in found
    ]
