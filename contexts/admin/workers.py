"""Workers in the admin: which processes run contexts, and whether they are heard of."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils.timesince import timesince
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from base import clock
from contexts.admin.access import InstallationAdmin
from contexts.admin.texts import moment_text
from contexts.models import Worker, WorkerState

STATE_COLOURS = {"live": "success", "silent": "warning", "stopped": "default", "dead": "danger"}


@admin.register(Worker)
class WorkerAdmin(InstallationAdmin):
    """Which processes there are, the newest first."""

    list_display = ("host", "pid", "state_shown", "in_flight", "heartbeat_shown", "started_shown", "version", "id")
    list_filter = (("state", ChoicesDropdownFilter),)
    list_filter_submit = True

    @display(description="State", label=STATE_COLOURS)
    def state_shown(self, worker: Worker) -> str:
        if worker.state == WorkerState.LIVE:
            silent = clock.now() - worker.heartbeat_at >= timedelta(seconds=settings.LEASE_SECONDS)
            return "silent" if silent else "live"
        return "stopped" if worker.state == WorkerState.STOPPED else "dead"

    @display(description="Heard of")
    def heartbeat_shown(self, worker: Worker) -> str:
        seconds = max(0, int((clock.now() - worker.heartbeat_at).total_seconds()))
        return f"{seconds} s ago" if seconds < 60 else f"{timesince(worker.heartbeat_at, depth=1)} ago"

    @display(description="Started")
    def started_shown(self, worker: Worker) -> str:
        return moment_text(worker.started_at)

    def get_search_fields(self, request: HttpRequest) -> tuple[Any, ...]:
        return ()
