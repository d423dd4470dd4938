"""The admin's side bar: what is registered and what the person may see, in the groups that people think in."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

TITLES = {  # else the plural of the model
    "contexts.WebhookDelivery": "Deliveries",
    "media_app.Asset": "Media",
    "users.ApiKey": "API keys",
}
# group -> (model, its symbol); https://fonts.google.com/icons
GROUPS: list[tuple[str, list[tuple[str, str]]]] = [
    (
        "Work",
        [
            ("contexts.Context", "article"),
            ("contexts.Batch", "stacks"),
            ("contexts.BulkOperation", "rule"),
            ("contexts.Worker", "memory"),
            ("contexts.Provider", "smart_toy"),
        ],
    ),
    ("Webhooks", [("contexts.WebhookEndpoint", "webhook"), ("contexts.WebhookDelivery", "outgoing_mail")]),
    (
        "Content",
        [
            ("templates_app.Template", "description"),
            ("contexts.Trial", "science"),
            ("components.Pipeline", "account_tree"),
            ("components.Component", "tune"),
            ("media_app.Asset", "image"),
        ],
    ),
    ("People", [("users.User", "person"), ("users.Organization", "domain"), ("users.ApiKey", "key")]),
    (
        "System",
        [
            ("django_q.OrmQ", "queue"),
            ("django_q.Schedule", "schedule"),
            ("django_q.Success", "task_alt"),
            ("django_q.Failure", "error"),
        ],
    ),
]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return unfold's side bar for a person. Models that no page shows are left out."""
    home = {"title": "Overview", "icon": "home", "link": reverse("admin:index")}
    groups: list[dict[str, Any]] = [{"items": [home]}]
    for title, entries in GROUPS:
        items = [item for name, symbol in entries if (item := _item(request, name, symbol))]
        if items:
            groups.append({"title": title, "separator": True, "items": items, "collapsible": title == "System"})
    return groups


def _item(request: HttpRequest, name: str, symbol: str) -> dict[str, Any] | None:
    model = apps.get_model(name)
    if not admin.site.is_registered(model) or not admin.site.get_model_admin(model).has_view_permission(request):
        return None
    options = model._meta
    return {
        "title": TITLES.get(name) or str(options.verbose_name_plural).capitalize(),
        "icon": symbol,
        "link": reverse(f"admin:{options.app_label}_{options.model_name}_changelist"),
    }
