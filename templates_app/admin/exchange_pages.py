"""Export of templates as a file, and import: a file, what it would change, then the click that does it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminRadioSelectWidget, UnfoldAdminSelectWidget

from base.forms import show_problem
from base.problems import Problem
from templates_app.exchange.files import MAX_BYTES, MAX_TEMPLATES, file_read, file_write
from templates_app.exchange.imports import Importing, Planned, fingerprint, import_apply, import_plan
from templates_app.models import Template
from templates_app.selectors import exported_versions
from templates_app.services import MAX_NOTE_LENGTH
from users.models import Organization, User
from users.scoped_admin import organization_of

DRAFTS, PUBLISH = "drafts", "publish"
KINDS = ("refused", "changed", "new", "unchanged")


class ImportForm(forms.Form):
    """The file, and what is to become of its texts."""

    file = forms.FileField(
        label="File",
        required=False,
        max_length=200,
        widget=UnfoldAdminFileFieldWidget({"accept": ".yaml,.yml"}),
        help_text=f"YAML, as an export writes it: at most {MAX_TEMPLATES} templates and {MAX_BYTES // 1024} KiB.",
    )
    mode = forms.ChoiceField(
        label="The texts",
        choices=[(DRAFTS, "become drafts, to be looked at and published"), (PUBLISH, "are published: live at once")],
        initial=DRAFTS,
        widget=UnfoldAdminRadioSelectWidget,
    )
    organization = forms.ModelChoiceField(
        Organization.objects.none(),
        label="New templates belong to",
        required=False,
        empty_label="all organizations (shared)",
        widget=UnfoldAdminSelectWidget,
    )
    # the confirmation brings back what was uploaded, and which state was seen
    text = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)
    file_name = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, organization_id: str | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if organization_id is not None:
            del self.fields["organization"]
            return
        field = self.fields["organization"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Organization.objects.order_by("name")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "file" in self.errors:
            return cleaned
        uploaded = cleaned.get("file")
        if uploaded is None and not cleaned.get("text"):
            self.add_error("file", "Choose a file.")
        elif uploaded is not None and uploaded.size > MAX_BYTES:
            self.add_error("file", f"The file is larger than {MAX_BYTES // 1024} KiB.")
        elif uploaded is not None:
            cleaned |= {"body": uploaded.read(), "file_name": uploaded.name, "seen": ""}
        else:
            cleaned["body"] = cleaned["text"].encode("utf-8", "surrogatepass")
        return cleaned


class ExchangePages(ModelAdmin):
    """Whoever sees templates may export them; whoever may add and change them may import."""

    # --- export ---------------------------------------------------------------------------------------------------
    @action(description="Export as a file (YAML)", permissions=["view"])
    def export_selected(self, request: HttpRequest, queryset: QuerySet[Template]) -> HttpResponse | None:
        """Answer the chosen templates as a file."""
        rows = list(queryset.order_by("name", "pk")[: MAX_TEMPLATES + 1])
        if len(rows) > MAX_TEMPLATES:
            self.message_user(request, f"A file has at most {MAX_TEMPLATES} templates.", messages.ERROR)
            return None
        return self._file(request, rows, "templates.yaml")

    def export_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer one template as a file."""
        template: Template | None = self.get_object(request, unquote(object_id))
        if template is None or not self.has_view_permission(request, template):
            raise Http404(f"There is no template {object_id!r}.")
        found = self._file(request, [template], f"{template.pk}.yaml")
        return found or HttpResponseRedirect(reverse("admin:templates_app_template_change", args=[template.pk]))

    def _file(self, request: HttpRequest, templates: list[Template], name: str) -> HttpResponse | None:
        texts = exported_versions(template.pk for template in templates)
        if without := [template.name for template in templates if template.pk not in texts]:
            self.message_user(request, f"No text yet, so not exported: {', '.join(without)}.", messages.WARNING)
        if not texts:
            return None
        body = file_write((template, texts[template.pk]) for template in templates if template.pk in texts)
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
        return HttpResponse(body, content_type="application/yaml; charset=utf-8", headers=headers)

    # --- import ---------------------------------------------------------------------------------------------------
    def has_import_permission(self, request: HttpRequest) -> bool:
        """Tell whether the person may import: a file makes templates and changes them."""
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    @action(description="Import", url_path="import", icon="upload", permissions=["import"])
    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a file, show what it would change, and do that once it is confirmed."""
        own = organization_of(request)
        posted = (request.POST, request.FILES) if request.method == "POST" else ()
        form = ImportForm(*posted, organization_id=own)
        plan: list[Planned] = []
        seen = ""
        if form.is_valid():
            importing = _importing(request, form, own)
            try:
                plan = import_plan(file_read(form.cleaned_data["body"]), importing)
            except Problem as problem:
                show_problem(form, problem, otherwise="file")
            else:
                seen = fingerprint(plan, importing)
                if form.cleaned_data["seen"] == seen:
                    return self._import(request, plan, importing)
        return self._import_page(request, form, plan, seen)

    def _import(self, request: HttpRequest, plan: list[Planned], importing: Importing) -> HttpResponse:
        done = 0
        try:
            for planned, template, told in import_apply(plan, importing):
                if template is None:
                    self.message_user(request, f"{planned.entry.name} was not imported: {told}", messages.ERROR)
                    continue
                done += 1
                log = self.log_change if planned.kind == "changed" else self.log_addition
                log(request, template, f"{importing.note}: {told}.")
        except Problem as problem:
            self.message_user(request, problem.detail, messages.ERROR)
        noun = "template" if done == 1 else "templates"
        how = "published" if importing.to_publish else "stored as drafts"
        self.message_user(request, f"{done} {noun} imported, the texts {how}.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:templates_app_template_changelist"))

    def _import_page(self, request: HttpRequest, form: ImportForm, plan: list[Planned], seen: str) -> HttpResponse:
        counts = {kind: sum(planned.kind == kind for planned in plan) for kind in KINDS}
        was_seen = bool(form.is_bound and form.data.get("seen"))
        shown = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Import templates",
            "form": form,
            "plan": sorted(plan, key=lambda planned: KINDS.index(planned.kind)),
            "summary": ", ".join(f"{count} {kind}" for kind, count in counts.items() if count),
            "can_confirm": bool(plan) and not counts["refused"] and counts["new"] + counts["changed"] > 0,
            "has_changed": was_seen and bool(plan),
            "kept": _kept(form, seen) if plan else {},
            "media": self.media,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "templates_app/import.html", shown)


def _importing(request: HttpRequest, form: ImportForm, own: str | None) -> Importing:
    assert isinstance(request.user, User)  # the admin lets nobody else in
    chosen = form.cleaned_data.get("organization")
    return Importing(
        author=request.user,
        organization_id=own,
        owner_id=own if own is not None else (chosen.pk if chosen else None),
        to_publish=form.cleaned_data["mode"] == PUBLISH,
        note=f"Imported from {form.cleaned_data['file_name'] or 'a file'}"[:MAX_NOTE_LENGTH],
    )


def _kept(form: ImportForm, seen: str) -> dict[str, str]:
    """Return what the confirmation brings back."""
    chosen = form.cleaned_data.get("organization")
    return {
        "text": form.cleaned_data["body"].decode("utf-8-sig"),
        "file_name": form.cleaned_data["file_name"],
        "mode": form.cleaned_data["mode"],
        "organization": chosen.pk if chosen else "",
        "seen": seen,
    }
