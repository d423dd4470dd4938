"""Workers in the admin: which processes run contexts, and whether they are heard of."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from base import clock
from contexts.admin.access import InstallationAdmin, NewestFirst
from contexts.admin.texts import ago_text, moment_text
from contexts.engine.vital_signs import Doing, vital_signs_of
from contexts.models import Worker, WorkerState

STATE_COLOURS = {
    "live": "success",
    Doing.CLAIMING: "success",
    Doing.FINISHING: "info",
    "silent": "warning",
    "stopped": "default",
    "dead": "danger",
}


def state_of(worker: Worker, signs: dict[str, Any] | None) -> str:
    """Return what a worker does, by its row and by what it says of itself in Redis; one of the keys above."""
    if worker.state == WorkerState.LIVE:
        if clock.now() - worker.heartbeat_at >= timedelta(seconds=settings.LEASE_SECONDS):
            return "silent"
        return str(signs["status"]) if signs else "live"
    return "stopped" if worker.state == WorkerState.STOPPED else "dead"


class WorkerList(NewestFirst):
    """The list with what each live worker says of itself in Redis, asked once for the page."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        signs = vital_signs_of([row.pk for row in rows if row.state == WorkerState.LIVE])
        for row in rows:
            row.signs = signs.get(row.pk)
        self.result_list = rows


@admin.register(Worker)
class WorkerAdmin(InstallationAdmin):
    """Which processes there are, the newest first."""

    list_display = ("host", "pid", "state_shown", "in_flight", "heartbeat_shown", "started_shown", "version", "id")
    list_filter = (("state", ChoicesDropdownFilter),)
    list_filter_submit = True

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[WorkerList]:
        return WorkerList

    @display(description="State", label=STATE_COLOURS)
    def state_shown(self, worker: Any) -> str:
        return state_of(worker, worker.signs)

    @display(description="Heard of")
    def heartbeat_shown(self, worker: Worker) -> str:
        return f"{ago_text((clock.now() - worker.heartbeat_at).total_seconds())} ago"

    @display(description="Started")
    def started_shown(self, worker: Worker) -> str:
        return moment_text(worker.started_at)

    def get_search_fields(self, request: HttpRequest) -> tuple[Any, ...]:
        return ()
