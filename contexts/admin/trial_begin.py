"""The pages that begin trials of a template: preview, test-run, replay. Also who may do that."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from base.forms import show_problem
from base.problems import Problem
from components.contract import FoundTemplate
from components.explanations import explain
from components.prices import bill_of, money_text
from contexts.admin.access import WatchedAdmin, admin_url
from contexts.admin.texts import STATUS_COLOURS, moment_text
from contexts.admin.trial_forms import PreviewForm, ReplayForm, TestRunForm
from contexts.models import Context, Trial
from contexts.trials.bench import Source, source_of
from contexts.trials.models import DRAFT, LIVE
from contexts.trials.preview import Preview, preview
from contexts.trials.selectors import items_of, recent_of_template
from contexts.trials.services import MOST_CONTEXTS, Sample, Trying, comparison_begin, replay_begin
from templates_app.admin.pages import TemplateAdmin
from templates_app.models import Template
from templates_app.selectors import draft_of, live_version
from users.models import User
from users.scoped_admin import organization_of

TITLES = {"preview": "Preview", "test": "Test-run", "replay": "Replay before publish"}
Begin = Callable[[Trying], tuple[Trial, bool]]


class TrialBeginnings(WatchedAdmin):
    """Whoever may change a template may try it, on contexts that they may see; whoever sees it may preview it."""

    def preview_view(self, request: HttpRequest, template_id: str) -> HttpResponse:
        """Show what a model would be asked."""
        template = self._template(request, template_id, to_change=False)
        texts = _texts(template)
        own = organization_of(request)
        numbers = {side: text.version for side, text in texts.items()}
        form = PreviewForm(request.POST or None, template=template, organization_id=own, texts=numbers)
        found: Preview | None = None
        if form.is_valid() and form.chosen is not None:
            found = preview(texts[form.cleaned_data["version"]], _source(form.chosen))
        error = found.error if found else None
        return self._page(
            request,
            "contexts/admin/trial_preview.html",
            template,
            "preview",
            form=form,
            found=found,
            explanation=explain(error["type"], retryable=error["retryable"]) if error else None,
            has_text=bool(texts),
        )

    def test_view(self, request: HttpRequest, template_id: str) -> HttpResponse:
        """Ask for an input, and run draft and live on it."""
        template = self._template(request, template_id, to_change=True)
        form = TestRunForm(request.POST or None, template=template, organization_id=organization_of(request))
        if form.is_valid() and form.chosen is not None:
            source = form.chosen
            begun = self._begin(request, form, template, lambda who: comparison_begin(template, source, who))
            if begun is not None:
                return begun
        texts = {side: text.version for side, text in _texts(template).items()}
        return self._page(request, "contexts/admin/trial_test.html", template, "test", form=form, texts=texts)

    def replay_view(self, request: HttpRequest, template_id: str) -> HttpResponse:
        """Ask for a number of contexts, and run the draft on them."""
        template = self._template(request, template_id, to_change=True)
        own = organization_of(request)
        form = ReplayForm(request.POST or None)
        if form.is_valid():
            contexts = recent_of_template(template, own, statuses=form.statuses, most=form.cleaned_data["count"])
            begun = self._begin(request, form, template, lambda who: replay_begin(template, contexts, who))
            if begun is not None:
                return begun
        return self._page(
            request,
            "contexts/admin/trial_replay.html",
            template,
            "replay",
            form=form,
            draft=draft_of(template.pk),
            candidates=[_candidate(row) for row in recent_of_template(template, own, most=MOST_CONTEXTS)],
        )

    def _begin(self, request: HttpRequest, form: forms.Form, template: Template, begin: Begin) -> HttpResponse | None:
        """Begin a trial and lead to its page; None where a problem is shown in the form."""
        said = form.cleaned_data
        who = Trying(
            trial_id=said["trial_id"],
            author=person_of(request),
            organization_id=organization_of(request),
            most_tokens=said["most_tokens"],
            most_usd=said["most_usd"],
        )
        try:
            trial, is_new = begin(who)
        except Problem as problem:
            show_problem(form, problem)
            return None
        if is_new:
            self._log_begin(request, template, trial)
        return HttpResponseRedirect(self.row_url("change", trial))

    def _log_begin(self, request: HttpRequest, template: Template, trial: Trial) -> None:
        """Say in the history of the template, and of each context whose data was taken, who did that."""
        self._templates().log_change(request, template, f"Began {trial.get_kind_display().lower()} {trial.pk}.")
        ids = [item.context_id for item in items_of(trial) if item.context_id]
        for context in Context.objects.filter(pk__in=ids).only("pk", "title"):
            self.log_change(request, context, f"Its data was taken for trial {trial.pk} of {template.pk}.")

    # --- who may ----------------------------------------------------------------------------------------------
    def _template(self, request: HttpRequest, template_id: str, *, to_change: bool) -> Template:
        """Return the template, for whoever may see contexts, and it.

        Raises:
            Http404: there is none that the person may see.
            PermissionDenied: the person may not do that.
        """
        template = self._templates().get_object(request, template_id)
        if template is None:
            raise Http404(f"There is no template {template_id!r}.")
        may = self._may_change if to_change else self._templates().has_view_permission
        if not (self.has_view_permission(request) and may(request, template)):
            raise PermissionDenied
        return cast(Template, template)

    def _may_change(self, request: HttpRequest, template: Template) -> bool:
        return bool(self._templates().has_change_permission(request, template))

    def _templates(self) -> TemplateAdmin:
        found = self.admin_site.get_model_admin(Template)
        assert isinstance(found, TemplateAdmin)
        return found

    def _page(self, request: HttpRequest, page: str, template: Template, kind: str, **values: Any) -> HttpResponse:
        shown = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "template": template,
            "template_url": admin_url("templates_app_template_change", template.pk),
            "title": f"{TITLES[kind]}: {template.name}",
            **values,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, page, shown)


def _texts(template: Template) -> dict[str, FoundTemplate]:
    """Return the texts that can be tried, the draft first."""
    versions = {DRAFT: draft_of(template.pk), LIVE: live_version(template.pk)}
    return {
        side: FoundTemplate(template.pk, version.number, version.structure)
        for side, version in versions.items()
        if version is not None
    }


def _source(source: Sample | Context) -> Source:
    if isinstance(source, Context):
        return source_of(source)
    return Source(source.type, source.pipeline, source.data, source.metadata, source.organization_id)


def _candidate(context: Context) -> dict[str, Any]:
    return {
        "context": context,
        "url": admin_url("contexts_context_change", context.pk),
        "colour": STATUS_COLOURS[context.status],
        "created": moment_text(context.created_at),
        "bill": bill_of(context.step_runs),
        "cost": money_text(bill_of(context.step_runs)),
    }


def person_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin lets nobody else in
    return request.user
