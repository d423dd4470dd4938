"""Trials of templates in the admin: preview, test-run, replay, their results, and what comes of the draft."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from unfold.decorators import display

from contexts.admin.access import NewestFirst, admin_url
from contexts.admin.moves import attempt
from contexts.admin.texts import moment_text
from contexts.admin.trial_begin import TrialBeginnings, person_of
from contexts.admin.trial_forms import PublishForm
from contexts.admin.trial_shown import PAIRS_IN_FULL, STATE_COLOURS, number_of, pairs_of, progress_of
from contexts.models import Trial
from contexts.trials.models import DRAFT, TrialState
from contexts.trials.rows import work_is_due
from contexts.trials.run import bell
from contexts.trials.selectors import items_by_trial, items_of
from contexts.trials.services import (
    trial_cancel,
    trial_discard,
    trial_publish,
    tried_draft,
)
from templates_app.admin.links import PageLink, links_add
from templates_app.models import Template
from users.scoped_admin import organization_of


class TrialRows(NewestFirst):
    """The list's rows with how far they are: one query for the whole page."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        items = items_by_trial([row.pk for row in rows])
        for row in rows:
            row.progress = progress_of(row, items.get(row.pk, []))
        self.result_list = rows


@admin.register(Trial)
class TrialAdmin(TrialBeginnings):
    """The list of trials, the page of each, and what comes of the draft."""

    list_display = ("heading", "state_shown", "progress_shown", "decision_shown", "author_shown", "created_shown")
    list_display_links = ("heading",)
    list_select_related = ("author",)
    search_fields = ("template_id",)
    search_help_text = "The id of a template, or a part of it"
    actions = None

    # --- the list ---------------------------------------------------------------------------------------------
    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[TrialRows]:
        return TrialRows

    @display(description="Trial", header=True)
    def heading(self, trial: Trial) -> list[str]:
        return [trial.get_kind_display(), trial.template_id]

    @display(description="State", label={state.label: colour for state, colour in STATE_COLOURS.items()})
    def state_shown(self, trial: Trial) -> str:
        return trial.get_state_display()

    @display(description="Runs")
    def progress_shown(self, trial: Any) -> str:
        return f"{trial.progress.done + trial.progress.failed} of {trial.progress.total}, {trial.progress.cost}"

    @display(description="Decision", empty_value="")
    def decision_shown(self, trial: Trial) -> str:
        return trial.decision

    @display(description="By", empty_value="")
    def author_shown(self, trial: Trial) -> str:
        return trial.author.get_full_name() if trial.author else ""

    @display(description="Begun")
    def created_shown(self, trial: Trial) -> str:
        return moment_text(trial.created_at)

    # --- addresses --------------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        form = require_http_methods(["GET", "HEAD", "POST"])
        return [
            self._path("preview/<str:template_id>/", form(self.preview_view), "preview"),
            self._path("test/<str:template_id>/", form(self.test_view), "test"),
            self._path("replay/<str:template_id>/", form(self.replay_view), "replay"),
            self._path("<str:object_id>/progress/", require_GET(self.progress_view), "progress"),
            self._path("<str:object_id>/pair/<int:number>/", require_GET(self.pair_view), "pair"),
            self._path("<str:object_id>/cancel/", require_POST(self.cancel_view), "cancel"),
            self._path("<str:object_id>/publish/", require_POST(self.publish_view), "publish"),
            self._path("<str:object_id>/discard/", require_POST(self.discard_view), "discard"),
            *super().get_urls(),
        ]

    def _path(self, route: str, view: Any, name: str) -> URLPattern:
        found: URLPattern = path(route, self.admin_site.admin_view(view), name=f"contexts_trial_{name}")
        return found

    # --- its page ---------------------------------------------------------------------------------------------
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        trial = self._trial(request, object_id)
        return self._trial_page(request, trial, "contexts/admin/trial.html")

    def progress_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer what of the page moves; nothing where that is what the page shows."""
        trial = self._trial(request, object_id)
        if trial.state == TrialState.RUNNING and work_is_due():
            bell.ring()  # a worker may have died, or the first ring was lost
        if progress_of(trial, items_of(trial)).mark == request.GET.get("mark"):
            return HttpResponse(status=204)
        return self._trial_page(request, trial, "contexts/admin/trial_body.html")

    def pair_view(self, request: HttpRequest, object_id: str, number: int) -> HttpResponse:
        """Show two texts beside each other."""
        trial = self._trial(request, object_id)
        pairs = pairs_of(trial, organization_of(request), [number])
        if not pairs:
            raise Http404(f"There is no pair {number}.")
        total = len({number_of(item) for item in items_of(trial)})
        around = {"before": number - 1 if number > 1 else None, "after": number + 1 if number < total else None}
        values = {"pair": pairs[0], "total": total, **around, "title": f"{pairs[0].title}: then and now"}
        return self._answer(request, "contexts/admin/trial_pair_page.html", trial, **values)

    def _trial_page(self, request: HttpRequest, trial: Trial, page: str) -> HttpResponse:
        template = self._templates().get_object(request, trial.template_id)
        may_decide = template is not None and self._may_change(request, template)
        is_running = trial.state == TrialState.RUNNING
        items = items_of(trial)
        in_full = len({number_of(item) for item in items}) <= PAIRS_IN_FULL
        return self._answer(
            request,
            page,
            trial,
            title=f"{trial.get_kind_display()} of {template.name if template else trial.template_id}",
            progress=progress_of(trial, items),
            pairs=pairs_of(trial, organization_of(request), in_full=in_full),
            in_full=in_full,
            is_running=is_running,
            state_colour=STATE_COLOURS[TrialState(trial.state)],
            can_cancel=may_decide and is_running,
            can_decide=may_decide and not is_running and not trial.decision and tried_draft(trial) is not None,
            has_draft=DRAFT in trial.texts,
            publish_form=PublishForm(initial={"note": _draft_note(trial)}),
            template_url=admin_url("templates_app_template_change", trial.template_id),
            again_url=_url("test" if trial.kind == "test" else "replay", trial.template_id),
            may_try=may_decide,
        )

    def _answer(self, request: HttpRequest, page: str, trial: Trial, **values: Any) -> HttpResponse:
        names = ("progress", "cancel", "publish", "discard", "change")
        shown = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": trial,
            "trial": trial,
            "urls": {name: self.row_url(name, trial) for name in names},
            **values,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, page, shown)

    # --- moves ------------------------------------------------------------------------------------------------
    def cancel_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        trial, _ = self._to_decide(request, object_id)

        def cancel() -> None:
            trial_cancel(trial)
            self.log_change(request, trial, "Cancelled.")

        attempt(request, cancel, success="The trial is cancelled.")
        return HttpResponseRedirect(self.row_url("change", trial))

    def publish_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        trial, template = self._to_decide(request, object_id)
        form = PublishForm(request.POST)

        def publish() -> None:
            version = trial_publish(trial, note=form.cleaned_data["note"], author=person_of(request))
            self._templates().log_change(request, template, f"Published v{version.number} after {trial.pk}.")

        if form.is_valid():
            attempt(request, publish, success="The draft is published: it is live now.")
        else:
            messages.error(request, "The note is too long: at most 500 characters. Nothing was published.")
        return HttpResponseRedirect(self.row_url("change", trial))

    def discard_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        trial, template = self._to_decide(request, object_id)

        def discard() -> None:
            trial_discard(trial, template)
            self._templates().log_change(request, template, f"Discarded the draft after {trial.pk}.")

        attempt(request, discard, success="The draft is discarded; the live version stays.")
        return HttpResponseRedirect(self.row_url("change", trial))

    # --- who may ----------------------------------------------------------------------------------------------
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # what may be done is asked of the template

    def _trial(self, request: HttpRequest, object_id: str) -> Trial:
        if not self.has_view_permission(request) or request.method not in ("GET", "HEAD", "POST"):
            raise PermissionDenied
        trial: Trial = self.row_or_404(request, object_id)
        return trial

    def _to_decide(self, request: HttpRequest, object_id: str) -> tuple[Trial, Template]:
        trial = self._trial(request, object_id)
        return trial, self._template(request, trial.template_id, to_change=True)


def _draft_note(trial: Trial) -> str:
    draft = tried_draft(trial)
    return draft.note if draft else ""


def _url(page: str, template_id: str) -> str:
    return reverse(f"admin:contexts_trial_{page}", args=[template_id])


def links_of_template(request: HttpRequest, template: Template) -> list[PageLink]:
    """Return what the page of a template leads to, for a person."""
    pages = admin.site.get_model_admin(Trial)
    if not pages.has_view_permission(request):
        return []
    links = [PageLink("Preview", _url("preview", template.pk))]
    if admin.site.get_model_admin(Template).has_change_permission(request, template):
        links.append(PageLink("Test-run", _url("test", template.pk)))
        links.append(PageLink("Replay before publish", _url("replay", template.pk)))
    earlier = f"{reverse('admin:contexts_trial_changelist')}?q={template.pk}"
    return [*links, PageLink("Earlier trials", earlier)]


links_add(links_of_template)
