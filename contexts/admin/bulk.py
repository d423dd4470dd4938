"""Operations on many in the admin: count and confirm, follow, go on after the trial, stop; and what came of it."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST
from unfold.decorators import display

from base.problems import Problem
from components.pipeline import plan_of
from components.prices import Bill, bill_for, money_text, tokens_text
from contexts.acts import MAX_WHY
from contexts.admin.access import WatchedAdmin, admin_url
from contexts.admin.bulk_form import OPERATION_ID, BulkForm, action_of, selection_of
from contexts.admin.moves import attempt
from contexts.admin.texts import BULK_COLOURS, STATUS_COLOURS, moment_text
from contexts.bulk.models import UNFINISHED, BulkAction, BulkOperation, BulkState, new_operation_id
from contexts.bulk.operations import (
    MAX_TRIAL,
    bulk_begin,
    bulk_go_on,
    bulk_stop,
    movable_count,
    movable_first,
    trial_outcome,
)
from contexts.bulk.selection import COUNTED_MOST, Selection, count_text
from contexts.going_again import standing_of
from contexts.models import Context
from contexts.price_tags import Estimator
from contexts.retry_plan import FROM_FAILED, FROM_START, RetryWish, retry_plan
from users.models import User
from users.scoped_admin import organization_of

SAMPLED = 10
EXAMPLES_SHOWN = 5
OTHERS_SHOWN = 5


@admin.register(BulkOperation)
class BulkOperationAdmin(WatchedAdmin):
    """What was wished for many, and how far it is. Begun from the list of contexts."""

    list_display = ("heading", "state_shown", "progress_shown", "who_shown", "organization", "created_shown")
    list_display_links = ("heading",)
    list_select_related = ("organization",)
    list_per_page = 25
    actions = None

    @display(description="Operation", header=True)
    def heading(self, operation: BulkOperation) -> list[str]:
        return [title_of(operation), _words_of(operation)]

    @display(description="State", label=BULK_COLOURS)
    def state_shown(self, operation: BulkOperation) -> tuple[str, str]:
        return operation.state, operation.get_state_display()

    @display(description="Progress")
    def progress_shown(self, operation: BulkOperation) -> str:
        return _progress_of(operation)

    @display(description="By")
    def who_shown(self, operation: BulkOperation) -> str:
        return operation.user_name

    @display(description="Begun")
    def created_shown(self, operation: BulkOperation) -> str:
        return moment_text(operation.created_at)

    def get_urls(self) -> list[URLPattern]:
        guarded, name = self.admin_site.admin_view, "contexts_bulkoperation"
        return [
            path("new/", guarded(self.new_view), name=f"{name}_new"),
            path("<str:object_id>/go-on/", guarded(require_POST(self.go_on_view)), name=f"{name}_go_on"),
            path("<str:object_id>/stop/", guarded(require_POST(self.stop_view)), name=f"{name}_stop"),
            *super().get_urls(),
        ]

    # --- begin ------------------------------------------------------------------------------------------------
    def new_view(self, request: HttpRequest) -> HttpResponse:
        """Count what is meant and ask; on a POST begin."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        sent = request.POST if request.method == "POST" else request.GET
        query = QueryDict(sent.get("query", "")) if request.method == "POST" else request.GET
        try:
            selection, action = selection_of(query, organization_of(request)), action_of(sent.get("action", ""))
        except Problem as problem:
            messages.error(request, problem.detail)
            return HttpResponseRedirect(reverse("admin:contexts_context_changelist"))
        form = BulkForm.of(request.POST) if request.method == "POST" else None
        if form is not None and (operation := self._begun(request, form, selection)):
            return HttpResponseRedirect(self.row_url("change", operation))
        return self._confirmation(request, selection, action, query, form)

    def _begun(self, request: HttpRequest, form: BulkForm, selection: Selection) -> BulkOperation | None:
        asked_id = request.POST.get("operation", "")
        try:
            wish = form.wish(request, selection)
            operation = bulk_begin(wish, operation_id=asked_id if OPERATION_ID.fullmatch(asked_id) else None)
        except Problem as problem:
            messages.error(request, problem.detail)
            return None
        self.log_addition(request, operation, f"{title_of(operation)}: {count_text(operation.expected)}.")
        return operation

    def _confirmation(
        self, request: HttpRequest, selection: Selection, action: BulkAction, query: QueryDict, form: BulkForm | None
    ) -> HttpResponse:
        number = movable_count(action, selection)
        first = movable_first(action, selection, SAMPLED)
        sample = list(Context.objects.filter(pk__in=first).defer("moves").order_by("pk"))
        asked = query.copy()
        asked.pop("action", None)
        return self._shown(
            request,
            "contexts/admin/bulk_new.html",
            title=f"{action.label} many contexts",
            action=action,
            form=form or BulkForm.first(action, number),
            words=selection.words(),
            others=[
                self._told(row) for row in self.get_queryset(request).filter(state__in=list(UNFINISHED))[:OTHERS_SHOWN]
            ],
            number=number,
            counted=count_text(number),
            examples=[{"title": row.title or row.pk, "url": _context_url(row.pk)} for row in sample[:EXAMPLES_SHOWN]],
            prices=_prices(sample, number) if action == BulkAction.RETRY else [],
            steps=_steps(sample),
            query=asked.urlencode(),
            operation_id=new_operation_id(),
            max_trial=MAX_TRIAL,
            max_why=MAX_WHY,
            list_url=f"{reverse('admin:contexts_context_changelist')}?{asked.urlencode()}",
        )

    def _told(self, operation: BulkOperation) -> dict[str, str]:
        return {
            "title": title_of(operation),
            "url": self.row_url("change", operation),
            "who": operation.user_name,
            "words": _words_of(operation),
            "progress": _progress_of(operation),
        }

    # --- follow -----------------------------------------------------------------------------------------------
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request) or request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        operation: BulkOperation = self.row_or_404(request, object_id)
        may_act = self.has_change_permission(request)
        return self._shown(
            request,
            "contexts/admin/bulk.html",
            original=operation,
            title=title_of(operation),
            operation=operation,
            colour=BULK_COLOURS[operation.state],
            words=Selection.model_validate(operation.selection).words(),
            progress=_progress_of(operation),
            numbers={name: f"{getattr(operation, name):,}" for name in ("done", "skipped", "failed")},
            bar=_bar(operation),
            is_open=operation.state in UNFINISHED,
            can_stop=may_act and operation.state in UNFINISHED,
            can_go_on=may_act and operation.state in (BulkState.ASKING, BulkState.WATCHING),
            trial=_trial(operation),
            reasons=sorted(operation.reasons.items(), key=lambda item: -item[1]),
            examples=[{**item, "url": _context_url(item["id"])} for item in operation.examples],
            urls={name: self.row_url(name, operation) for name in ("go_on", "stop")},
        )

    def go_on_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._moved(request, object_id, bulk_go_on, "Went on.", "It goes on with the rest.")

    def stop_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        person = request.user.get_full_name() if isinstance(request.user, User) else ""

        def stop(operation: BulkOperation) -> None:
            bulk_stop(operation, f"{person} stopped it")

        return self._moved(request, object_id, stop, "Stopped.", "It is stopped; what was moved stays moved.")

    def _moved(
        self, request: HttpRequest, object_id: str, move: Callable[[BulkOperation], None], did: str, success: str
    ) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        operation: BulkOperation = self.row_or_404(request, object_id)

        def moved() -> None:
            move(operation)
            self.log_change(request, operation, did)

        attempt(request, moved, success=success)
        return HttpResponseRedirect(self.row_url("change", operation))

    def _shown(self, request: HttpRequest, template: str, **values: Any) -> HttpResponse:
        request.current_app = self.admin_site.name
        common = {**self.admin_site.each_context(request), "opts": self.opts, "subtitle": None}
        return TemplateResponse(request, template, {**common, **values})


def title_of(operation: BulkOperation) -> str:
    """Say what an operation does."""
    if operation.action == BulkAction.CANCEL:
        return "Cancel many"
    named = {FROM_FAILED: "the failed step", FROM_START: "the start"}.get(operation.from_step, operation.from_step)
    return f"Retry many from {named}"


def _looked_at(operation: BulkOperation) -> int:
    return operation.done + operation.skipped + operation.failed


def _progress_of(operation: BulkOperation) -> str:
    return f"{_looked_at(operation):,} of {count_text(operation.expected)}"


def _words_of(operation: BulkOperation) -> str:
    """Say which contexts are meant."""
    return ", ".join(Selection.model_validate(operation.selection).words()) or "all contexts"


def _context_url(context_id: str) -> str:
    return admin_url("contexts_context_change", context_id)


def _bar(operation: BulkOperation) -> float | None:
    """Return how full the bar is; None where nobody knows how many there are."""
    if operation.state == BulkState.DONE:
        return 1.0
    if operation.expected > COUNTED_MOST:
        return None
    return min(1.0, _looked_at(operation) / operation.expected) if operation.expected else 1.0


def _trial(operation: BulkOperation) -> list[dict[str, Any]]:
    """Return what became of those that were tried first, a line for each status."""
    return [
        {"status": status, "number": number, "colour": STATUS_COLOURS[status]}
        for status, number in sorted(trial_outcome(operation).items())
    ]


def _steps(sample: list[Context]) -> list[str]:
    """Return the steps that the retry may start from, as the first of the contexts have them."""
    keys: dict[str, None] = {}
    for row in sample:
        keys |= dict.fromkeys(plan_of(row.pipeline).keys)
    return list(keys)


def _prices(sample: list[Context], number: int) -> list[dict[str, str]]:
    """Return what retries would cost from the failed step and from the start, judged by the first contexts."""
    return [
        {"label": label, **_price(sample, from_step, number)}
        for from_step, label in ((FROM_FAILED, "from the failed step"), (FROM_START, "from the start"))
        if sample
    ]


def _price(sample: list[Context], from_step: str, number: int) -> dict[str, str]:
    tags = [Estimator(row).tag(retry_plan(standing_of(row), RetryWish(from_step))) for row in sample]
    bill = sum((tag.bill for tag in tags), Bill())
    scale = number / len(sample)
    scaled = bill_for(
        input_tokens=round(bill.input_tokens * scale),
        output_tokens=round(bill.output_tokens * scale),
        cost_usd=bill.cost_usd * scale if bill.is_priced else None,
    )
    unknown = sorted({key for tag in tags for key in tag.unknown})
    least = "at least " if number > COUNTED_MOST else ""
    return {
        "cost": f"{least}{money_text(scaled)}",
        "tokens": f"tokens: {least}{tokens_text(scaled)}" if scaled.tokens else "no tokens",
        "without": ", ".join(unknown),
    }
