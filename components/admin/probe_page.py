"""The page that tests a component setting: GET says what would happen, POST does it and shows what came of it."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action

from base.problems import Problem
from components.explanations import explain
from components.models import Component
from components.probes import Probe, can_be_probed, component_probe


class ProbePage(ModelAdmin):
    """Whoever may change a setting may test it: a test costs money, and asks a service outside."""

    actions_detail = ("probe_view",)

    @action(description="Test", url_path="test", icon="cable", permissions=["change"])
    def probe_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Test a setting as it is stored."""
        row: Component | None = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404(f"There is no component setting {object_id!r}.")
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        found: Probe | None = None
        if request.method == "POST" and can_be_probed(row.type):
            try:
                found = component_probe(row)
            except Problem as problem:
                self.message_user(request, problem.detail, messages.ERROR)
            else:
                self.log_change(request, row, f"Tested it: {found.told}.")
        error = found.error if found else None
        shown: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Test: {row.name}",
            "row": row,
            "row_url": reverse("admin:components_component_change", args=[quote(row.pk)]),
            "can_be_probed": can_be_probed(row.type),
            "found": found,
            "explanation": explain(error.type, retryable=error.retryable) if error else None,
            "media": self.media,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "components/probe.html", shown)
