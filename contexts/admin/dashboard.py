"""What the admin's first page shows: is work being done, what has failed lately. Reads indexes, never whole tables."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from base import clock
from base.ids import first_id_at
from contexts.admin.access import admin_url
from contexts.admin.detail import failure_of
from contexts.admin.texts import moment_text
from contexts.doorbell import drains_live
from contexts.models import Context
from contexts.selectors import contexts_visible
from contexts.states import Status
from users.scoped_admin import organization_of

RECENT = timedelta(hours=24)
COUNTED_MOST = 1000
FAILURES_SHOWN = 8


@dataclass(frozen=True)
class Card:
    """A number with its name; ``tone`` is one of unfold's colours."""

    name: str
    number: str
    url: str
    tone: str
    note: str = ""


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the numbers to the first page, for those who may see contexts."""
    context = {**context, "title": "Overview"}
    if not request.user.has_perm("contexts.view_context"):
        return context
    own = organization_of(request)
    cards = _cards(own)
    if own is None:
        cards.append(_workers_card())
    return {**context, "cards": cards, "failures": _failures(own)}


def _cards(own: str | None) -> list[Card]:
    since = clock.now() - RECENT
    recent = contexts_visible(own).filter(pk__gte=first_id_at("ctx", since))
    lately = "submitted in the last 24 hours"
    return [
        _card("Waiting", contexts_visible(own), Status.PENDING, "default", "for a free worker"),
        _card("In work", contexts_visible(own), Status.PROCESSING, "info", "now"),
        _card("Retrying", contexts_visible(own), Status.RETRYING, "warning", "after a failure"),
        _card("Failed", recent, Status.FAILED, "danger", lately),
        _card("Completed", recent, Status.COMPLETED, "success", lately),
    ]


def _card(name: str, rows: QuerySet[Context], status: Status, tone: str, note: str) -> Card:
    number = rows.filter(status=status).order_by()[: COUNTED_MOST + 1].count()
    shown = f"{COUNTED_MOST}+" if number > COUNTED_MOST else str(number)
    url = f"{reverse('admin:contexts_context_changelist')}?status={status.value}"
    return Card(name, shown, url, tone if number else "default", note)


def _workers_card() -> Card:
    count, url = drains_live().count(), reverse("admin:contexts_worker_changelist")
    if not count:
        return Card("Workers", "0", url, "danger", "nothing is worked on; start script/server")
    return Card("Workers", str(count), url, "success", "heard of in the last seconds")


def _failures(own: str | None) -> list[dict[str, Any]]:
    rows = contexts_visible(own).filter(status=Status.FAILED).order_by("-pk")
    found = rows.defer("data", "metadata", "step_runs", "moves")[:FAILURES_SHOWN]
    return [
        {
            "title": row.title or row.pk,
            "url": admin_url("contexts_context_change", row.pk),
            "when": moment_text(row.ended_at),
            "failure": failure_of(row),
        }
        for row in found
    ]
