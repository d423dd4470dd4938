"""Contexts in the admin: find them, see what happened; from here to retry, correct and cancel."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET, require_POST
from unfold.decorators import display

from contexts.acts import why_read
from contexts.admin.context_list import ContextList
from contexts.admin.correct_page import CorrectPages
from contexts.admin.detail import Seen, context_page, deeds_of, duration_ms, failure_of, mark_of
from contexts.admin.filters import (
    BatchFilter,
    ComponentFilter,
    ContextCreatedFilter,
    ContextOrganizationFilter,
    ErrorFilter,
    PipelineFilter,
    StatusFilter,
    TemplateFilter,
    TypeFilter,
)
from contexts.admin.moves import act_of, attempt, on_each, tell
from contexts.admin.retry_page import RetryPages
from contexts.admin.steps import step_at_work
from contexts.admin.texts import STATUS_COLOURS, moment_text, seconds_text
from contexts.models import Context
from contexts.services import context_cancel, context_retry
from contexts.states import OPEN, Status
from users.models import User
from users.scoped_admin import organization_of

PAGES = ("retry", "correct", "cancel", "revision", "history")


@admin.register(Context)
class ContextAdmin(RetryPages, CorrectPages):
    """Contexts are read here; only retry and cancel move them, through the services that clients use too."""

    list_display = (
        "heading",
        "status_shown",
        "type",
        "step_shown",
        "organization",
        "attempts",
        "created_shown",
        "duration_shown",
    )
    list_display_links = ("heading",)
    list_select_related = ("organization",)
    list_filter = (
        StatusFilter,
        ErrorFilter,
        ComponentFilter,
        TypeFilter,
        TemplateFilter,
        PipelineFilter,
        ContextOrganizationFilter,
        BatchFilter,
        ("created_at", ContextCreatedFilter),
    )
    list_filter_submit = True
    list_before_template = "contexts/admin/for_all.html"
    object_history_template = "contexts/admin/history.html"
    search_fields = ("title",)
    search_help_text = "An id, its beginning, words of the title, a batch's id or name, or key=value of metadata"
    actions = ("retry_selected", "cancel_selected")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ContextList]:
        return ContextList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Context]:
        # exclude, not status__in: the order of the primary key stays the way to read
        return super().get_queryset(request).exclude(status=Status.HELD)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Context], search_term: str
    ) -> tuple[QuerySet[Context], bool]:
        return queryset, False  # the list looks itself

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        asked = {} if not self.has_change_permission(request) else {"for_all": request.GET.urlencode()}
        found: HttpResponse = super().changelist_view(request, {**(extra_context or {}), **asked})
        return found

    # --- the list ---------------------------------------------------------------------------------------------
    @display(description="Context", header=True)
    def heading(self, context: Context) -> list[str]:
        return [context.title or "(no title)", context.pk]

    @display(description="Status", label=STATUS_COLOURS)
    def status_shown(self, context: Context) -> str:
        return context.status

    @display(description="Step", header=True)
    def step_shown(self, context: Context) -> list[str]:
        failure = failure_of(context)
        if failure is not None and context.status in (Status.FAILED, Status.RETRYING):
            return [failure.component, failure.explanation.short]
        return [step_at_work(context) if context.status in OPEN else "", ""]

    @display(description="Created")
    def created_shown(self, context: Context) -> str:
        return moment_text(context.created_at)

    @display(description="Took", empty_value="")
    def duration_shown(self, context: Context) -> str:
        return seconds_text(duration_ms(context))

    @admin.action(description="Retry from the failed step", permissions=["change"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Context]) -> None:
        own, act = organization_of(request), act_of(request, "retried from the failed step")
        tally = on_each(_chosen(request, queryset), lambda pk: context_retry(pk, organization_id=own, act=act))
        self._log_each(request, tally.done, "Retried from the failed step.")
        tell(request, tally, one="context is set going again", many="contexts are set going again")

    @admin.action(description="Cancel", permissions=["change"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Context]) -> None:
        own, act = organization_of(request), act_of(request, "cancelled")
        tally = on_each(_chosen(request, queryset), lambda pk: context_cancel(pk, organization_id=own, act=act))
        self._log_each(request, tally.done, "Cancelled.")
        tell(request, tally, one="context is cancelled", many="contexts are cancelled")

    def _log_each(self, request: HttpRequest, ids: list[str], message: str) -> None:
        for context in Context.objects.filter(pk__in=ids).only("pk", "title"):
            self.log_change(request, context, message)

    # --- one context ------------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("<str:object_id>/retry/", guarded(self.retry_view), name="contexts_context_retry"),
            path("<str:object_id>/correct/", guarded(self.correct_view), name="contexts_context_correct"),
            path("<str:object_id>/cancel/", guarded(require_POST(self.cancel_view)), name="contexts_context_cancel"),
            path(
                "<str:object_id>/revision/", guarded(require_GET(self.revision_view)), name="contexts_context_revision"
            ),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request) or request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        context = self.row_or_404(request, object_id)
        page = context_page(context, self._seen(request))
        values = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": context,
            "title": context.title or context.pk,
            "subtitle": None,
            "page": page,
            "status_colour": STATUS_COLOURS[context.status],
            "took": seconds_text(duration_ms(context)),
            "urls": {
                name: self.row_url(name, context) for name in ("retry", "correct", "cancel", "revision", "history")
            },
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "contexts/admin/context.html", values)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the log of the admin below what people did: an operation on many is in no log of the admin's."""
        context: Context | None = self.get_object(request, unquote(object_id))
        deeds = deeds_of(context, for_staff=organization_of(request) is None) if context else []
        found: HttpResponse = super().history_view(request, object_id, {**(extra_context or {}), "deeds": deeds})
        return found

    def _seen(self, request: HttpRequest) -> Seen:
        return Seen(
            may_move=self.has_change_permission(request),
            staff_settings=organization_of(request) is None,
            tracebacks=isinstance(request.user, User) and request.user.is_superuser,
        )

    def revision_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Tell what an open page is held against, so that it knows when it is out of date."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return JsonResponse({"mark": mark_of(self.row_or_404(request, object_id))})

    def cancel_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        context = self._row_to_move(request, object_id)

        def cancel() -> None:
            act = act_of(request, "cancelled", why_read(request.POST.get("why", "")))
            context_cancel(context.pk, organization_id=organization_of(request), act=act)
            self.log_change(request, context, f"Cancelled. {act.why}".strip())

        attempt(request, cancel, success="The context is cancelled.")
        return HttpResponseRedirect(self.row_url("change", context))

    def _row_to_move(self, request: HttpRequest, object_id: str) -> Context:
        if not self.has_change_permission(request):
            raise PermissionDenied
        context: Context = self.row_or_404(request, object_id)
        return context


def _chosen(request: HttpRequest, queryset: QuerySet[Context]) -> list[str]:
    """Return the ids that were ticked; "all of the list" is not offered, for nobody can see what that is."""
    ticked = request.POST.getlist(ACTION_CHECKBOX_NAME)
    return list(queryset.filter(pk__in=ticked).values_list("pk", flat=True))
