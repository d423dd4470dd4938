"""Webhooks in the admin: made, changed, tested, switched off and on. A secret is shown once."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from base.problems import Problem
from contexts.admin.access import WatchedAdmin
from contexts.admin.filters import OrganizationFilter
from contexts.admin.texts import moment_text
from contexts.admin.webhook_form import WebhookForm
from contexts.models import WebhookEndpoint
from contexts.webhooks.endpoints import (
    endpoint_create,
    endpoint_delete,
    endpoint_switch_off,
    endpoint_switch_on,
    endpoint_test,
    endpoint_update,
)
from contexts.webhooks.rotation import endpoint_rotate
from users.scoped_admin import organization_of

STATE_COLOURS = {"on": "success", "failing": "warning", "off": "default", "switched off": "danger"}


@admin.register(WebhookEndpoint)
class WebhookAdmin(WatchedAdmin):
    """Who is told of ends. Whoever may move contexts may also say whom to tell of them."""

    form = WebhookForm
    list_display = ("heading", "state_shown", "events_shown", "organization", "created_shown")
    list_display_links = ("heading",)
    list_select_related = ("organization",)
    list_filter = (OrganizationFilter,)
    list_filter_submit = True
    search_fields = ("url", "description", "id")
    search_help_text = "Words of the address or of the description"
    actions_submit_line = ("send_test", "switch_on", "switch_off", "rotate_secret")
    said = ("url", "events", "description", "organization")
    facts = ("state_shown", "disabled_reason", "failing_since", "log_shown", "id", "created_at")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        own = organization_of(request) is not None
        said = tuple(name for name in self.said if not (own and name == "organization"))
        sets: list[Any] = [(None, {"fields": said})]
        return [*sets, ("Record", {"fields": self.facts})] if obj else sets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return ["organization", *self.facts] if obj else []

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_change_permission(request))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.has_change_permission(request, obj))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.own_organization_id = organization_of(request)
        return form

    # --- moves ------------------------------------------------------------------------------------------------
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Say what came between the look at the form and its saving: others make and remove webhooks too."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Problem as problem:
            messages.error(request, problem.detail)
            return HttpResponseRedirect(reverse("admin:contexts_webhookendpoint_changelist"))

    def save_form(self, request: HttpRequest, form: ModelForm, change: bool) -> Any:
        row = super().save_form(request, form, change)
        if (own := organization_of(request)) is not None and not change:
            row.organization_id = own
        return row

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: WebhookForm, change: bool) -> None:
        if change:
            if form.has_changed():
                endpoint_update(obj, form.wish())
            self._act(request, obj)
            return
        made, secret, _ = endpoint_create(form.wish(), organization_id=obj.organization_id)
        obj.__dict__.update(made.__dict__)
        self._show_once(request, secret)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[str], dict[str, int], set, list]:
        # Django would ask for leave to remove each delivery, and list all of them
        return [str(endpoint) for endpoint in objs], {"webhooks, with their deliveries": len(objs)}, set(), []

    def delete_model(self, request: HttpRequest, obj: WebhookEndpoint) -> None:
        endpoint_delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in queryset:
            endpoint_delete(endpoint)

    def _act(self, request: HttpRequest, obj: WebhookEndpoint) -> None:
        # unfold does this in its own save_model, after it has saved every field, the secret too
        for pressed in self.get_actions_submit_line(request, obj.pk):
            if pressed.action_name in request.POST:
                pressed.method(request, obj)

    def response_post_save_change(self, request: HttpRequest, obj: WebhookEndpoint) -> HttpResponse:
        """Stay on the page of a webhook whose button was pressed: it shows what came of it."""
        if any(button.action_name in request.POST for button in super().get_actions_submit_line(request, obj.pk)):
            return HttpResponseRedirect(self.row_url("change", obj))
        answer: HttpResponse = super().response_post_save_change(request, obj)
        return answer

    def _show_once(self, request: HttpRequest, secret: str) -> None:
        text = "Copy the secret now, it cannot be shown again: <code>{}</code>"
        messages.warning(request, format_html(text, secret))

    def _attempt(self, request: HttpRequest, obj: WebhookEndpoint, move: Callable[[], object], done: str) -> None:
        try:
            move()
        except Problem as problem:
            messages.error(request, problem.detail)
            return
        self.log_change(request, obj, done)
        messages.success(request, done)

    @action(description="Send a test")
    def send_test(self, request: HttpRequest, obj: WebhookEndpoint) -> None:
        self._attempt(request, obj, lambda: endpoint_test(obj), "A test is sent; the deliveries tell what came of it.")

    @action(description="Switch on")
    def switch_on(self, request: HttpRequest, obj: WebhookEndpoint) -> None:
        self._attempt(request, obj, lambda: endpoint_switch_on(obj), "Switched on; what has waited is sent.")

    @action(description="Switch off")
    def switch_off(self, request: HttpRequest, obj: WebhookEndpoint) -> None:
        self._attempt(request, obj, lambda: endpoint_switch_off(obj), "Switched off; what waits is kept.")

    @action(description="New secret")
    def rotate_secret(self, request: HttpRequest, obj: WebhookEndpoint) -> None:
        def rotate() -> None:
            self._show_once(request, endpoint_rotate(obj))

        self._attempt(request, obj, rotate, "There is a new secret. For 24 hours the former one signs too.")

    def get_actions_submit_line(self, request: HttpRequest, object_id: str) -> Any:
        # unfold hands on what stands in the address, where an underscore is quoted
        row = WebhookEndpoint.objects.filter(pk=unquote(object_id)).first() if object_id else None
        if row is None or not self.has_change_permission(request, row):
            return []
        useless = ("switch_on",) if row.is_active else ("switch_off", "send_test")
        shown = super().get_actions_submit_line(request, object_id)
        return [button for button in shown if not button.action_name.endswith(useless)]

    # --- shown ------------------------------------------------------------------------------------------------
    @display(description="Webhook", header=True)
    def heading(self, endpoint: WebhookEndpoint) -> list[str]:
        return [endpoint.description or endpoint.url, endpoint.url if endpoint.description else endpoint.pk]

    @display(description="State", label=STATE_COLOURS)
    def state_shown(self, endpoint: WebhookEndpoint) -> str:
        if not endpoint.is_active:
            return "switched off" if endpoint.disabled_reason else "off"
        return "failing" if endpoint.failing_since else "on"

    @display(description="Told of")
    def events_shown(self, endpoint: WebhookEndpoint) -> str:
        return ", ".join(endpoint.events)

    @display(description="Created")
    def created_shown(self, endpoint: WebhookEndpoint) -> str:
        return moment_text(endpoint.created_at)

    @display(description="Deliveries")
    def log_shown(self, endpoint: WebhookEndpoint) -> SafeString:
        address = reverse("admin:contexts_webhookdelivery_changelist")
        return format_html('<a class="dl-link" href="{}?webhook={}">What it was told</a>', address, endpoint.pk)
