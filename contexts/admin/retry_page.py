"""Retry in the admin, with a price tag: what each way keeps, what it runs again, and what that is expected to cost."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse

from base.problems import Problem
from components.pipeline import plan_of
from components.prices import Bill, money_text, tokens_text
from contexts.acts import MAX_WHY, why_read
from contexts.admin.access import WatchedAdmin
from contexts.admin.moves import act_of
from contexts.admin.texts import seconds_text
from contexts.correcting import done_run
from contexts.going_again import newest_steps, standing_of
from contexts.models import Context
from contexts.price_tags import Estimator, PriceTag, StepPrice
from contexts.retry_plan import FROM_FAILED, FROM_START, TEMPLATE_KEY, RetryWish, reached_steps, retry_plan
from contexts.rewind import keys_written_by
from contexts.services import context_retry
from contexts.states import Status
from templates_app.selectors import live_versions
from users.scoped_admin import organization_of

SAME, NEWEST = "same", "newest"


@dataclass(frozen=True)
class Asked:
    """What the form says."""

    from_step: str = FROM_FAILED
    template: str = NEWEST
    pipeline: str = SAME
    why: str = ""
    revision: int | None = None

    @classmethod
    def of(cls, sent: QueryDict) -> "Asked":
        seen = sent.get("revision", "")
        return cls(
            from_step=sent.get("from", FROM_FAILED),
            template=SAME if sent.get("template") == SAME else NEWEST,
            pipeline=NEWEST if sent.get("pipeline") == NEWEST else SAME,
            why=sent.get("why", ""),
            revision=int(seen) if seen.isdecimal() and len(seen) < 12 else None,
        )


@dataclass(frozen=True)
class Priced:
    """One place to retry from, with its price."""

    value: str
    label: str
    tag: PriceTag

    @property
    def tokens(self) -> str:
        return f"tokens: {tokens_text(self.tag.bill)}" if self.tag.bill.tokens else "no tokens"

    @property
    def cost(self) -> str:
        return money_text(self.tag.bill)

    @property
    def saved(self) -> str:
        """Say what the steps that are kept had cost; empty where they asked no model."""
        saved = self.tag.saved
        if not saved.tokens:
            return ""
        return f"had cost {money_text(saved)}" if saved.is_priced else f"had used {saved.tokens:,} tokens"

    @property
    def takes(self) -> str:
        return seconds_text(self.tag.duration_ms) if self.tag.duration_ms else ""

    @property
    def lines(self) -> list[tuple[StepPrice, str]]:
        """Return each step that runs, with what it is expected to cost."""
        return [(step, _line(step.bill)) for step in self.tag.again]


def _line(bill: Bill | None) -> str:
    if bill is None:
        return "not known"
    return f"{bill.tokens:,} tokens, {money_text(bill)}" if bill.tokens else "asks no model"


@dataclass(frozen=True)
class Versions:
    """Which versions a person may choose between; empty where there is nothing to choose.

    Args:
        pipeline_fault: why the pipeline as it is now cannot be used.
    """

    template_used: str = ""
    template_live: str = ""
    pipeline_id: str = ""
    pipeline_fault: str = ""


class RetryPages(WatchedAdmin):
    """A part of the admin of contexts."""

    def retry_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        context: Context = self.row_or_404(request, object_id)
        if request.method == "POST":
            asked = Asked.of(request.POST)
            if self._retried(request, context, asked):
                return HttpResponseRedirect(self.row_url("change", context))
            context.refresh_from_db()
        else:
            asked = Asked.of(request.GET)
        if context.status != Status.FAILED:
            if request.method != "POST":
                messages.error(request, f"This context is {context.status}; only a failed one can be retried.")
            return HttpResponseRedirect(self.row_url("change", context))
        return self._retry_page(request, context, asked)

    def _retried(self, request: HttpRequest, context: Context, asked: Asked) -> bool:
        try:
            context_retry(
                context.pk,
                organization_id=organization_of(request),
                from_step=asked.from_step,
                keep_template=asked.template == SAME,
                newest_pipeline=asked.pipeline == NEWEST,
                seen_revision=asked.revision,
                act=act_of(request, _did(asked), why_read(asked.why)),
            )
        except Problem as problem:
            messages.error(request, problem.detail)
            return False
        self.log_change(request, context, _said(asked))
        messages.success(request, "The context is set going again; this page follows it.")
        return True

    def _retry_page(self, request: HttpRequest, context: Context, asked: Asked) -> HttpResponse:
        versions = _versions(context)
        values = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": context,
            "title": f"Retry {context.title or context.pk}",
            "subtitle": None,
            "context_row": context,
            "asked": asked,
            "versions": versions,
            "choices": priced_choices(context, asked, versions),
            "max_why": MAX_WHY,
            "urls": {name: self.row_url(name, context) for name in ("change", "retry")},
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "contexts/admin/retry.html", values)


def priced_choices(context: Context, asked: Asked, versions: Versions) -> list[Priced]:
    """Return every place that a retry may start from, with what it would cost in these versions."""
    steps = newest_steps(context) if asked.pipeline == NEWEST and versions.pipeline_id else None
    estimator, standing = Estimator(context), standing_of(context)
    return [
        Priced(value, label, estimator.tag(retry_plan(standing, RetryWish(value, asked.template == SAME, steps))))
        for value, label in _places(context)
    ]


def _places(context: Context) -> list[tuple[str, str]]:
    plan, done = plan_of(context.pipeline), context.processing.get("completed_components", [])
    failed = [key for key in reached_steps(plan, done) if key not in done]
    earlier = [key for key in plan.keys if key in done]
    first = f"The failed step ({', '.join(failed)})" if failed else "The failed step"
    return [(FROM_FAILED, first), *((key, f"The step {key}") for key in reversed(earlier)), (FROM_START, "The start")]


def _versions(context: Context) -> Versions:
    used, live = _template_versions(context)
    try:
        changed, fault = newest_steps(context) is not None, ""
    except Problem as problem:
        changed, fault = False, problem.detail
    return Versions(used, live, context.pipeline_id if changed else "", fault)


def _template_versions(context: Context) -> tuple[str, str]:
    """Return the version that was used and the one that is live, where a step of this context chose a template."""
    done = set(context.processing.get("completed_components", []))
    run = done_run(context, keys_written_by(context.step_runs, done).get(TEMPLATE_KEY, "")) or {}
    template_id, number = run.get("template_id"), run.get("template_version")
    if not template_id:
        return "", ""
    live = live_versions([template_id], with_text=False).get(template_id)
    return f"{template_id} v{number}", f"{template_id} v{live.number}" if live else ""


def _did(asked: Asked) -> str:
    named = {FROM_FAILED: "the failed step", FROM_START: "the start"}.get(asked.from_step, asked.from_step[:64])
    said = [f"retried from {named}"]
    said += ["with the same template version"] if asked.template == SAME else []
    said += ["with the pipeline as it is now"] if asked.pipeline == NEWEST else []
    return ", ".join(said)


def _said(asked: Asked) -> str:
    return f"Retried from {asked.from_step}.{f' {asked.why}' if asked.why else ''}"
