"""Deliveries of webhooks in the admin: what was sent, what came of each attempt; sent again on demand."""

import json
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import display

from base.clock import from_iso
from contexts.admin.access import NewestFirst, WatchedAdmin, admin_url
from contexts.admin.filters import OrganizationFilter
from contexts.admin.moves import attempt, on_each, tell
from contexts.admin.texts import moment_text, seconds_text
from contexts.models import WebhookDelivery
from contexts.webhooks.deliveries import delivery_redeliver
from contexts.webhooks.endpoints import endpoints_visible
from contexts.webhooks.events import Event
from contexts.webhooks.models import DeliveryState
from users.scoped_admin import organization_of

STATE_COLOURS = {DeliveryState.PENDING: "info", DeliveryState.DELIVERED: "success", DeliveryState.FAILED: "danger"}


class WebhookFilter(DropdownFilter):
    """The webhook; there are few."""

    title = "webhook"
    parameter_name = "webhook"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(row.pk, str(row)) for row in endpoints_visible(organization_of(request))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(endpoint_id=self.value()) if self.value() else queryset


class EventFilter(DropdownFilter):
    """The event."""

    title = "event"
    parameter_name = "event"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(event.value, event.value) for event in Event]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(event=self.value()) if self.value() else queryset


class DeliveryList(NewestFirst):
    """The list without what was sent."""

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[WebhookDelivery]:
        rows: QuerySet[WebhookDelivery] = super().get_queryset(request, *args, **kwargs)
        return rows.defer("payload")


@admin.register(WebhookDelivery)
class DeliveryAdmin(WatchedAdmin):
    """Deliveries are read here, and sent again by the service that clients use too."""

    list_display = (
        "heading",
        "state_shown",
        "webhook_shown",
        "last_shown",
        "organization",
        "created_shown",
        "next_shown",
    )
    list_display_links = ("heading",)
    list_select_related = ("endpoint", "organization")
    list_filter = (("state", ChoicesDropdownFilter), EventFilter, WebhookFilter, OrganizationFilter)
    list_filter_submit = True
    search_fields = ("resource_id",)
    search_help_text = "The id of a context or a batch, or of the delivery"
    actions = ("redeliver_selected",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[DeliveryList]:
        return DeliveryList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[WebhookDelivery], search_term: str
    ) -> tuple[QuerySet[WebhookDelivery], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return (queryset.filter(pk=term) if term.startswith("whd_") else queryset.filter(resource_id=term)), False

    @display(description="Event", header=True)
    def heading(self, delivery: WebhookDelivery) -> list[str]:
        return [delivery.event, delivery.resource_id]

    @display(description="State", label=STATE_COLOURS)
    def state_shown(self, delivery: WebhookDelivery) -> str:
        return delivery.state

    @display(description="Webhook")
    def webhook_shown(self, delivery: WebhookDelivery) -> str:
        return str(delivery.endpoint)

    @display(description="Last answer", empty_value="")
    def last_shown(self, delivery: WebhookDelivery) -> str:
        last = delivery.attempts[-1] if delivery.attempts else {}
        return str(last.get("error") or last.get("status") or "")

    @display(description="Created")
    def created_shown(self, delivery: WebhookDelivery) -> str:
        return moment_text(delivery.created_at)

    @display(description="Next attempt", empty_value="")
    def next_shown(self, delivery: WebhookDelivery) -> str:
        return moment_text(delivery.next_attempt_at)

    @admin.action(description="Send again", permissions=["change"])
    def redeliver_selected(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        chosen = queryset.filter(pk__in=request.POST.getlist(ACTION_CHECKBOX_NAME))
        rows = {row.pk: row for row in chosen.select_related(None).prefetch_related("endpoint")}
        tally = on_each(rows, lambda pk: delivery_redeliver(rows[pk]))
        for pk in tally.done:
            self.log_change(request, rows[pk], "Sent again.")
        tell(request, tally, one="delivery is sent again", many="deliveries are sent again")

    # --- one delivery -----------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.redeliver_view))
        return [
            path("<str:object_id>/redeliver/", view, name="contexts_webhookdelivery_redeliver"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request) or request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        delivery: WebhookDelivery = self.row_or_404(request, object_id)
        values = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": delivery,
            "title": f"{delivery.event} for {delivery.endpoint}",
            "subtitle": None,
            "delivery": delivery,
            "state_colour": STATE_COLOURS[DeliveryState(delivery.state)],
            "attempts": [_shown(entry) for entry in reversed(delivery.attempts)],
            "payload": json.dumps(delivery.payload, indent=2, ensure_ascii=False),
            "resource_url": _resource_url(delivery),
            "endpoint_url": admin_url("contexts_webhookendpoint_change", delivery.endpoint_id),
            "can_redeliver": self.has_change_permission(request) and delivery.endpoint.is_active,
            "redeliver_url": self.row_url("redeliver", delivery),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "contexts/admin/delivery.html", values)

    def redeliver_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        delivery: WebhookDelivery = self.row_or_404(request, object_id)

        def redeliver() -> None:
            delivery_redeliver(delivery)
            self.log_change(request, delivery, "Sent again.")

        attempt(request, redeliver, success="It is sent again; what comes of it appears below.")
        return HttpResponseRedirect(self.row_url("change", delivery))


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "at": from_iso(entry["at"]), "took": seconds_text(entry["duration_ms"])}


def _resource_url(delivery: WebhookDelivery) -> str:
    """Return the page of what was told of."""
    page = {
        "ctx": "contexts_context_change",
        "batch": "contexts_batch_change",
        "whe": "contexts_webhookendpoint_change",
    }
    return admin_url(page.get(delivery.resource_id.partition("_")[0], ""), delivery.resource_id)
