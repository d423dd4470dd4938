"""Batches in the admin: how far they are; cancel what is open, retry what failed."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.forms import Script
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST
from unfold.decorators import display

from base import clock
from components.explanations import explain
from contexts.admin.access import NewestFirst, WatchedAdmin, admin_url
from contexts.admin.detail import failure_of
from contexts.admin.filters import BatchCreatedFilter, OrganizationFilter
from contexts.admin.moves import act_of, attempt
from contexts.admin.texts import BATCH_COLOURS, STATUS_COLOURS, count_text, moment_text
from contexts.batches import batch_cancel, batch_retry_failed
from contexts.bulk.models import BulkAction
from contexts.models import Batch, Context
from contexts.selectors import VISIBLE_BATCHES, BatchProgress, batch_progress, batches_progress
from contexts.states import OPEN, Status
from users.scoped_admin import organization_of

FAILED_SHOWN = 20
REASONS_SHOWN = 20


class BatchList(NewestFirst):
    """The list with each batch's progress, from one query for the page."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        progress = batches_progress(rows)
        for batch in rows:
            batch.progress = progress[batch.pk]
        self.result_list = rows


@admin.register(Batch)
class BatchAdmin(WatchedAdmin):
    """Batches are read here; cancel and retry go through the services that clients use too."""

    list_display = ("heading", "status_shown", "progress_shown", "failed_shown", "organization", "created_shown")
    list_display_links = ("heading",)
    list_select_related = ("organization",)
    list_filter = (OrganizationFilter, ("created_at", BatchCreatedFilter))
    list_filter_submit = True
    list_per_page = 25
    search_fields = ("name",)
    search_help_text = "An id, or words of the name"

    class Media:
        js = (Script("contexts/live.js", defer=True),)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BatchList]:
        return BatchList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        return super().get_queryset(request).filter(state__in=VISIBLE_BATCHES)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Batch], search_term: str
    ) -> tuple[QuerySet[Batch], bool]:
        term = search_term.strip()
        return (queryset.filter(Q(pk=term) | Q(name__icontains=term)) if term else queryset), False

    @display(description="Batch", header=True)
    def heading(self, batch: Batch) -> list[str]:
        return [batch.name or "(no name)", batch.pk]

    @display(description="Status")
    def status_shown(self, batch: Any) -> SafeString:
        status = batch.progress.status
        label = {"type": BATCH_COLOURS[status], "text": status.replace("_", " ")}
        return _live(batch, "status", render_to_string("unfold/helpers/label.html", label))

    @display(description="Progress")
    def progress_shown(self, batch: Any) -> SafeString:
        bar = format_html(
            '<progress aria-label="Progress" max="1" value="{}"></progress>'
            '<span class="dl-progress-text">{} of {}<small>{}</small></span>',
            batch.progress.progress,
            count_text(_ended(batch.progress)),
            count_text(batch.total),
            pace_text(batch.progress),
        )
        return _live(batch, "progress", bar)

    @display(description="Failed")
    def failed_shown(self, batch: Any) -> SafeString:
        number = batch.progress.counts[Status.FAILED]
        link = '<a class="dl-link" href="{}">{}</a>'
        address = _contexts_url(batch, status=Status.FAILED.value)
        return _live(batch, "failed", format_html(link, address, count_text(number)) if number else "")

    @display(description="Created")
    def created_shown(self, batch: Batch) -> str:
        return moment_text(batch.created_at)

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("<str:object_id>/cancel/", guarded(require_POST(self.cancel_view)), name="contexts_batch_cancel"),
            path("<str:object_id>/retry/", guarded(require_POST(self.retry_view)), name="contexts_batch_retry"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request) or request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        batch = self.row_or_404(request, object_id)
        progress = batch_progress(batch)
        values = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": batch,
            "title": batch.name or batch.pk,
            "subtitle": None,
            "batch": batch,
            "progress": progress,
            "status": progress.status.replace("_", " "),
            "status_colour": BATCH_COLOURS[progress.status],
            "counts": _counts(batch, progress),
            "ended": _ended(progress),
            "is_open": _is_open(progress),
            "pace": pace_text(progress),
            "reasons": _reasons(batch, progress),
            "failed": _failed(progress),
            "more_failed": max(0, progress.counts[Status.FAILED] - FAILED_SHOWN),
            "can_cancel": self.has_change_permission(request) and _is_open(progress),
            "can_retry": self.has_change_permission(request) and progress.counts[Status.FAILED] > 0,
            "urls": {
                **{name: self.row_url(name, batch) for name in ("retry", "cancel")},
                "trial": f"{reverse('admin:contexts_bulkoperation_new')}?{_retry_query(batch)}",
            },
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "contexts/admin/batch.html", values)

    def cancel_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        batch = self._row_to_move(request, object_id)

        def cancel() -> None:
            batch_cancel(
                batch.pk, organization_id=organization_of(request), act=act_of(request, "cancelled with its batch")
            )
            self.log_change(request, batch, "Cancelled.")

        attempt(request, cancel, success="What was open in this batch is cancelled.")
        return HttpResponseRedirect(self.row_url("change", batch))

    def retry_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        batch = self._row_to_move(request, object_id)

        def retry() -> None:
            _, number = batch_retry_failed(
                batch.pk, organization_id=organization_of(request), act=act_of(request, "retried with its batch")
            )
            self.log_change(request, batch, f"Retried {number} failed contexts.")

        attempt(request, retry, success="The failed contexts of this batch are set going again.")
        return HttpResponseRedirect(self.row_url("change", batch))

    def _row_to_move(self, request: HttpRequest, object_id: str) -> Batch:
        if not self.has_change_permission(request):
            raise PermissionDenied
        batch: Batch = self.row_or_404(request, object_id)
        return batch


def _ended(progress: BatchProgress) -> int:
    return sum(number for status, number in progress.counts.items() if status not in OPEN)


def _is_open(progress: BatchProgress) -> bool:
    return any(progress.counts[status] for status in OPEN)


def pace_text(progress: BatchProgress) -> str:
    """Say how fast a batch goes, and when it will be done: ``30 a minute, done about 18:45``."""
    if not _is_open(progress) or not progress.rate_per_minute:
        return ""
    pace = f"{progress.rate_per_minute:,.1f} a minute"
    end = progress.estimated_end
    if end is None:
        return pace
    is_today = end - clock.now() < timedelta(hours=12)
    return f"{pace}, done about {end:%H:%M} UTC" if is_today else f"{pace}, done about {end:%Y-%m-%d}"


def _live(batch: Any, name: str, html: str) -> SafeString:
    """Return a cell that moves by itself for as long as anything in the batch is open."""
    live = mark_safe(" data-live") if _is_open(batch.progress) else ""
    return format_html('<div id="{}-{}"{}>{}</div>', name, batch.pk, live, html)


def _reasons(batch: Batch, progress: BatchProgress) -> list[dict[str, Any]]:
    """Return why contexts failed, the most frequent reason first, each with the list of those contexts."""
    if not progress.counts[Status.FAILED]:
        return []
    rows = Context.objects.filter(batch_id=batch.pk, status=Status.FAILED).order_by()
    counted = rows.values_list("error_component", "error_type").annotate(number=Count("*"))
    found = sorted(counted, key=lambda row: (-row[2], str(row[0]), str(row[1])))
    return [_reason(batch, component or "", type or "", number) for component, type, number in found[:REASONS_SHOWN]]


def _reason(batch: Batch, component: str, type: str, number: int) -> dict[str, Any]:
    words = explain(type, retryable=False)
    url = _contexts_url(batch, status=Status.FAILED.value, error=type, component=component)
    return {"number": number, "short": words.short, "meaning": words.meaning, "component": component, "url": url}


def _contexts_url(batch: Batch, **asked: str) -> str:
    return f"{reverse('admin:contexts_context_changelist')}?{urlencode({'batch': batch.pk, **asked})}"


def _retry_query(batch: Batch) -> str:
    return urlencode({"action": BulkAction.RETRY.value, "batch": batch.pk, "status": Status.FAILED.value})


def _failed(progress: BatchProgress) -> list[dict[str, Any]]:
    """Return the first failed contexts, each with its reason."""
    rows = Context.objects.filter(pk__in=progress.failed_ids[:FAILED_SHOWN]).only("pk", "title", "status", "error")
    return [
        {
            "title": row.title or row.pk,
            "url": admin_url("contexts_context_change", row.pk),
            "failure": failure_of(row),
        }
        for row in sorted(rows, key=lambda row: row.pk)
    ]


def _counts(batch: Batch, progress: BatchProgress) -> list[dict[str, Any]]:
    """Return a line for each status, with the list of those contexts."""
    return [
        {
            "status": status,
            "number": number,
            "colour": STATUS_COLOURS[status],
            "url": _contexts_url(batch, status=status),
        }
        for status, number in progress.counts.items()
    ]
