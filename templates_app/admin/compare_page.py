"""The page that puts two versions of a template side by side, section by section."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget

from templates_app.comparison import sections_compared, summary_of
from templates_app.models import Template, TemplateVersion
from templates_app.selectors import author_names, draft_of, published_versions
from users.scoped_admin import organization_of


@dataclass(frozen=True)
class Choice:
    """A version that can be compared, and what it is called in a list."""

    version: TemplateVersion
    label: str

    @property
    def key(self) -> str:
        return str(self.version.number)


class CompareForm(forms.Form):
    """Which two; what a version is called stands in the list, the newest first."""

    old = forms.ChoiceField(label="Before", widget=UnfoldAdminSelectWidget)
    new = forms.ChoiceField(label="After", widget=UnfoldAdminSelectWidget)

    def __init__(self, data: Any, choices: list[Choice]) -> None:
        super().__init__(data)
        for name in ("old", "new"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [(choice.key, choice.label) for choice in choices]


class ComparePage(ModelAdmin):
    """Whoever sees a template may compare its versions."""

    def compare_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what one version changed in another; without a choice, what the newest changed in the live one."""
        template: Template | None = self.get_object(request, unquote(object_id))
        if template is None or not self.has_view_permission(request, template):
            raise Http404(f"There is no template {object_id!r}.")
        choices = version_choices(template, organization_of(request))
        form = CompareForm(_asked(request, choices), choices)
        found = {choice.key: choice for choice in choices}
        pair = [found[form.cleaned_data[name]] for name in ("old", "new")] if form.is_valid() else []
        changes = sections_compared(*(choice.version.structure for choice in pair)) if pair else []
        shown = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Compare: {template.name}",
            "template": template,
            "template_url": reverse("admin:templates_app_template_change", args=[template.pk]),
            "form": form,
            "choices": choices,
            "pair": pair,
            "changes": changes,
            "summary": summary_of(changes),
            "media": self.media,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "templates_app/compare.html", shown)


def version_choices(template: Template, organization_id: str | None) -> list[Choice]:
    """Return the draft, if there is one, then what was published, the live version first."""
    draft, published = draft_of(template.pk), list(published_versions(template.pk))
    versions = [*([draft] if draft else []), *published]
    names = author_names(versions, organization_id)
    live = published[0] if published else None
    return [Choice(version, _label(version, names, is_live=version is live)) for version in versions]


def _label(version: TemplateVersion, names: dict[str, str], *, is_live: bool) -> str:
    state = "draft" if not version.is_published else f"v{version.number}{', live' if is_live else ''}"
    facts = [
        state,
        date_format(version.changed_at, "j M Y, H:i") + " UTC",
        names.get(version.author_id or "", ""),
        version.note,
    ]
    return " · ".join(fact for fact in facts if fact)


def _asked(request: HttpRequest, choices: list[Choice]) -> dict[str, str]:
    """Return which two are asked for; the newest two where the address does not say."""
    keys = [choice.key for choice in choices] or [""]
    return {"old": request.GET.get("old", keys[:2][-1]), "new": request.GET.get("new", keys[0])}
