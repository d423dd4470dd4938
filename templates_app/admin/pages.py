"""The pages of templates: the list, and one page for what a template is for, its text and its history."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import ForeignKey, Model, QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format
from django.utils.text import get_text_list
from unfold.decorators import display
from unfold.views import ChangeList

from base.problems import Problem
from templates_app.admin.compare_page import ComparePage
from templates_app.admin.exchange_pages import ExchangePages
from templates_app.admin.forms import TemplateForm
from templates_app.admin.links import links_for
from templates_app.admin.list_columns import columns_for, read_columns, shown
from templates_app.admin.rows import TYPE_SUGGESTIONS
from templates_app.models import Template
from templates_app.prompts import KNOWN_NAMES, VARIABLES
from templates_app.selectors import (
    author_names,
    drafted_ids,
    last_changed_versions,
    live_versions,
    published_versions,
    templates_visible,
)
from templates_app.services import (
    draft_discard,
    draft_publish,
    draft_save,
    template_duplicate,
    template_roll_back,
    template_save,
)
from users.models import User
from users.scoped_admin import is_own, organization_of

PURPOSE = ("name", "description", ("type", "organization"), ("tone", "audience"))
STATE = (("is_default", "is_active"),)
OF_THE_TEXT = ("note", "seen")  # fields that are no part of what a template is for
SWITCHED_OFF = "The template is switched off: no context takes it before it is switched on."


class TemplateRows(ChangeList):
    """The list's rows with what stands in their versions: four queries for the whole page."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        ids = [row.pk for row in rows]
        live, drafted = live_versions(ids, with_text=False), drafted_ids(ids)
        changed = last_changed_versions(ids)
        names = author_names(list(changed.values()), organization_of(request))
        for row in rows:
            row.live_number = live[row.pk].number if row.pk in live else None
            row.has_draft = row.pk in drafted
            row.last_version = changed.get(row.pk)
            row.last_author = names.get((row.last_version and row.last_version.author_id) or "", "")
        read_columns(request, rows)
        self.result_list = rows


@admin.register(Template)
class TemplateAdmin(ComparePage, ExchangePages):
    """Where editors write templates. Services do the writes; without the right to change, it only shows."""

    form = TemplateForm
    list_display = (
        "name",
        "type",
        "tone_shown",
        "audience_shown",
        "live_shown",
        "draft_shown",
        "changed_shown",
        "is_active",
    )
    list_filter = ("type", "is_active")
    search_fields = ("name", "id", "description")
    ordering = ("name",)
    actions = ("export_selected",)
    actions_list = ("import_view",)
    warn_unsaved_form = True

    class Media:
        css = {"all": ["templates_app/sections.css", "templates_app/difference.css"]}
        js = ["templates_app/drag.js", "templates_app/highlight.js", "templates_app/sections.js"]

    # --- the list ---------------------------------------------------------------------------------------------
    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [*super().get_list_display(request), *map(shown, columns_for(request))]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return TemplateRows

    def get_queryset(self, request: HttpRequest) -> QuerySet[Template]:
        rows: QuerySet[Template] = super().get_queryset(request)
        return rows & templates_visible(_person(request).organization_id)

    @display(description="Tone", ordering="tone")
    def tone_shown(self, row: Template) -> str:
        return row.tone or "any"

    @display(description="Audience", ordering="audience")
    def audience_shown(self, row: Template) -> str:
        return row.audience or "any"

    @display(description="Live version", label={"none yet": "warning"})
    def live_shown(self, row: Any) -> str:
        return f"v{row.live_number}" if row.live_number else "none yet"

    @display(description="Draft", label=True)
    def draft_shown(self, row: Any) -> str | None:
        return "draft" if row.has_draft else None

    @display(description="Last changed")
    def changed_shown(self, row: Any) -> str | None:
        if row.last_version is None:
            return None
        changed = f"{date_format(row.last_version.changed_at, 'j M Y, H:i')} UTC"
        return f"{changed}, {row.last_author}" if row.last_author else changed

    @display(description="Tags")
    def tags_shown(self, row: Template) -> str:
        return ", ".join(str(tag) for tag in row.tags)

    # --- who may --------------------------------------------------------------------------------------------------
    def has_change_permission(self, request: HttpRequest, obj: Template | None = None) -> bool:
        return super().has_change_permission(request, obj) and is_own(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Template | None = None) -> bool:
        return super().has_delete_permission(request, obj) and is_own(request, obj)

    def formfield_for_foreignkey(self, db_field: ForeignKey, request: HttpRequest | None, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        organization_id = _person(request).organization_id if request else None
        if db_field.name == "organization" and field is not None and organization_id:
            field.queryset = field.queryset.filter(pk=organization_id)
            field.required, field.initial = True, organization_id
        return field

    # --- one template ---------------------------------------------------------------------------------------------
    def get_fieldsets(self, request: HttpRequest, obj: Template | None = None) -> Any:
        may_write = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return [("What it is for", {"fields": [*PURPOSE, "tags_text" if may_write else "tags_shown", *STATE]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Template | None = None) -> Any:
        return ["tags_shown"]

    def save_form(self, request: HttpRequest, form: ModelForm, change: bool) -> Template:
        template: Template = form.save(commit=False)
        return template

    def save_model(self, request: HttpRequest, obj: Template, form: Any, change: bool) -> None:
        """Store the template, its draft, and publish that where the button says so.

        In this order a crash between loses nothing: a template without a version serves nobody.
        """
        template_save(obj)
        try:
            self._save_text(request, obj, form)
        except Problem as exc:
            self.message_user(request, exc.detail, messages.ERROR)

    def _save_text(self, request: HttpRequest, template: Template, form: TemplateForm) -> None:
        if not form.changes_text:
            self.message_user(request, "Saved. The text is that of the live version.", messages.SUCCESS)
            return
        author, note = _person(request), form.cleaned_data["note"]
        draft = draft_save(template, structure=form.structure, note=note, author=author)
        if not form.wants_to_publish:
            form.done = "Saved the draft."
            self.message_user(request, "The draft is saved.", messages.SUCCESS)
            return
        version = draft_publish(draft, author=author)
        form.done = f"Published version {version.number}{f': {note}' if note else ''}."
        told = "is published: it is live now." if template.is_active else f"is published. {SWITCHED_OFF}"
        self.message_user(request, f"Version {version.number} {told}", messages.SUCCESS)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Say in the history what became of the text, and which fields of the purpose changed."""
        changed = [str(form[name].label) for name in form.changed_data if name not in OF_THE_TEXT]
        fields = f"Changed {get_text_list(changed, 'and')}." if changed and not add else ""
        told = " ".join(part for part in ("Added." if add else "", form.done, fields) if part)
        return told or super().construct_change_message(request, form, formsets, add)

    def response_add(self, request: HttpRequest, obj: Model, post_url_continue: str | None = None) -> HttpResponse:
        return _back_to(obj.pk)

    def response_change(self, request: HttpRequest, obj: Model) -> HttpResponse:
        return _back_to(obj.pk)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Template | None = None,
    ) -> HttpResponse:
        form: TemplateForm = context["adminform"].form
        versions = list(published_versions(obj.pk)) if obj else []
        newest = form.draft or form.live
        names = author_names(versions, organization_of(request))
        context |= {
            "may_write": self.has_change_permission(request, obj) if obj else self.has_add_permission(request),
            "sections": form.sections,
            "shown_version": newest,
            "draft": form.draft,
            "live": form.live,
            "may_duplicate": bool(newest) and self.has_add_permission(request),
            "can_compare": len(versions) + (form.draft is not None) > 1,
            "newest_number": newest.number if newest else 0,
            "versions": [(version, names.get(version.author_id or "", "")) for version in versions],
            "variables": VARIABLES.items(),
            "names": KNOWN_NAMES,
            "page_links": links_for(request, obj) if obj else [],
            "type_suggestions": TYPE_SUGGESTIONS,
        }
        page: HttpResponse = super().render_change_form(
            request, context, add=add, change=change, form_url=form_url, obj=obj
        )
        return page

    # --- buttons --------------------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                "<path:object_id>/compare/",
                self.admin_site.admin_view(self.compare_view),
                name="templates_app_template_compare",
            ),
            path(
                "<path:object_id>/export/",
                self.admin_site.admin_view(self.export_view),
                name="templates_app_template_export",
            ),
            path(
                "<path:object_id>/duplicate/",
                self.admin_site.admin_view(self.duplicate_view),
                name="templates_app_template_duplicate",
            ),
            path(
                "<path:object_id>/roll-back/<int:number>/",
                self.admin_site.admin_view(self.roll_back_view),
                name="templates_app_template_roll_back",
            ),
            path(
                "<path:object_id>/discard-draft/",
                self.admin_site.admin_view(self.discard_draft_view),
                name="templates_app_template_discard_draft",
            ),
            *super().get_urls(),
        ]

    def roll_back_view(self, request: HttpRequest, object_id: str, number: int) -> HttpResponse:
        """Publish an old version again."""
        template = self._to_change(request, object_id)
        if isinstance(template, HttpResponse):
            return template
        try:
            version = template_roll_back(template, number=number, author=_person(request))
        except Problem as exc:
            self.message_user(request, exc.detail, messages.ERROR)
        else:
            told = f"Version {version.number} is live now; it says what version {number} said."
            self.log_change(request, template, told)
            self.message_user(request, told, messages.SUCCESS)
        return _back_to(object_id)

    def discard_draft_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Throw the draft away."""
        template = self._to_change(request, object_id)
        if isinstance(template, HttpResponse):
            return template
        draft_discard(template)
        self.log_change(request, template, "Discarded the draft.")
        self.message_user(request, "The draft is discarded.", messages.SUCCESS)
        return _back_to(object_id)

    def duplicate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make a template that says the same; whoever may add one may take any that they see."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        template: Template | None = self.get_object(request, unquote(object_id))
        if template is None or not self.has_add_permission(request):
            raise PermissionDenied
        own = _person(request).organization_id
        try:
            copy = template_duplicate(template, owner_id=own or template.organization_id, author=_person(request))
        except Problem as exc:
            self.message_user(request, exc.detail, messages.ERROR)
            return _back_to(object_id)
        self.log_addition(request, copy, f"Duplicated {template.pk}.")
        told = "This is the copy, as a draft. It is switched off: publish it and switch it on when it is ready."
        self.message_user(request, told, messages.SUCCESS)
        return _back_to(copy.pk)

    def _to_change(self, request: HttpRequest, object_id: str) -> Template | HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        template: Template | None = self.get_object(request, unquote(object_id))
        if template is None:
            raise Http404(f"There is no template {object_id!r}.")
        if not self.has_change_permission(request, template):
            raise PermissionDenied
        return template


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin lets nobody else in
    return request.user


def _back_to(template_id: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:templates_app_template_change", args=[template_id]))
