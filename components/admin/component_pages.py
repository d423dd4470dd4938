"""The pages of component settings: the list, the choice of a type, and a form that its schema draws."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.views import ChangeList

from base.problems import InvalidInput
from components.admin.component_forms import ChooseForm, ComponentForm, form_for
from components.admin.probe_page import ProbePage
from components.admin.shown import settings_table
from components.edits import component_delete, component_save
from components.forms import PREFIX
from components.models import Component, Pipeline
from components.registry import component_types
from components.schema import settings_of
from components.services import pipeline_plan
from components.usage import pipelines_by_component, pipelines_naming
from users.scoped_admin import organization_of


class ComponentRows(ChangeList):
    """The list's rows with the pipelines that use them: one query for the whole page."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        used = pipelines_by_component(visible_pipelines(request))
        for row in rows:
            row.used_by = used.get(row.pk, [])
        self.result_list = rows


def visible_pipelines(request: HttpRequest) -> QuerySet[Pipeline]:
    """Return the pipelines that the person may see."""
    own = organization_of(request)
    rows = Pipeline.objects.all()
    return rows if own is None else rows.filter(organization_id=own) | rows.filter(organization_id=None)


@admin.register(Component)
class ComponentAdmin(ProbePage):
    """Named configurations of components. Every organization uses them, so only staff of Draftline change them."""

    form = ComponentForm
    list_display = ("name", "id", "type", "is_active", "used_by_shown")
    list_filter = ("type", "is_active")
    search_fields = ("name", "id", "description")
    ordering = ("name",)
    warn_unsaved_form = True

    class Media:
        css = {"all": ["components/probe.css"]}

    # --- who may --------------------------------------------------------------------------------------------------
    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and organization_of(request) is None

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_change_permission(request, obj) and organization_of(request) is None

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_delete_permission(request, obj) and organization_of(request) is None

    # --- the list -------------------------------------------------------------------------------------------------
    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ComponentRows

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        # else an address could ask, letter by letter, for settings that the person does not see
        return lookup.partition("__")[0] != "config" and super().lookup_allowed(lookup, value, request)

    @display(description="Used by")
    def used_by_shown(self, row: Any) -> SafeString | str:
        return pipeline_links(row.used_by) if row.used_by else "no pipeline"

    # --- one component --------------------------------------------------------------------------------------------
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> Any:
        choice = ChooseForm(request.GET if "type" in request.GET else None)
        is_posted = request.method == "POST" and _chosen_type(request) in component_types()
        if is_posted or choice.is_valid() or not self.has_add_permission(request):
            return super().add_view(request, form_url, extra_context)
        return self._choose(request, choice)

    def _choose(self, request: HttpRequest, form: ChooseForm) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Add component setting",
            "form": form,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/components/component/choose.html", context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        type_name = obj.type if obj else _chosen_type(request)
        return super().get_form(request, obj, change, form=form_for(type_name, is_new=obj is None), **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        type_name = obj.type if obj else _chosen_type(request)
        found = component_types().get(type_name)
        may_write = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        said = ["name", "id" if obj else "chosen_id", "type", "description", "is_active"]
        if obj:
            said.append("used_by_detail")
        if found is None or not may_write:
            return [(None, {"fields": said}), ("Settings", {"fields": ["settings_shown"]})]
        fields = [f"{PREFIX}{name}" for name in settings_of(found.Config)]
        about = {"fields": [*fields, "seen"], "description": _about(found.description, obj)}
        return [(None, {"fields": said}), ("Settings", about)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["id", "type", "used_by_detail", "settings_shown"]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            # staff of one organization must not read the names of another's pipelines
            row.used_by = pipelines_by_component(visible_pipelines(request)).get(row.pk, [])
            row.for_staff = organization_of(request) is None
        return row

    @display(description="Used by")
    def used_by_detail(self, row: Any) -> SafeString | str:
        return pipeline_links(row.used_by) or "No pipeline names it."

    @display(description="Settings")
    def settings_shown(self, row: Any) -> SafeString | str:
        return settings_table(row, for_staff=getattr(row, "for_staff", False))

    # --- writes ---------------------------------------------------------------------------------------------------
    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Component:
        row: Component = form.save(commit=False)
        return row

    def save_model(self, request: HttpRequest, obj: Component, form: Any, change: bool) -> None:
        component_save(obj, is_new=not change)
        for pipeline in pipelines_naming(obj.pk):
            try:
                pipeline_plan(pipeline.steps, from_client=False)
            except InvalidInput as exc:
                told = f"The pipeline {pipeline.name} ({pipeline.pk}) can no longer be used: {exc.detail}"
                self.message_user(request, told, messages.WARNING)

    def delete_model(self, request: HttpRequest, obj: Component) -> None:
        component_delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Component]) -> None:
        for row in queryset:
            component_delete(row)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Say which pipelines keep a row from being removed, on the page that asks whether to remove it."""
        deleted, counts, needed, protected = super().get_deleted_objects(objs, request)
        for row in objs:
            protected += [f"{row.pk} is used by the pipeline {pipeline}" for pipeline in pipelines_naming(row.pk)]
        return deleted, counts, needed, protected


def _chosen_type(request: HttpRequest) -> str:
    return request.GET.get("type", "")


def _about(description: str, row: Component | None) -> SafeString:
    text = format_html("{} An empty field takes the component's own default, shown in grey.", description)
    gone = sorted(set(row.config) - set(settings_of(component_types()[row.type].Config))) if row else []
    if gone:
        text += format_html(
            " <strong>The component no longer has these settings; saving removes them: {}.</strong>", ", ".join(gone)
        )
    return text


def pipeline_links(pipelines: list[Pipeline]) -> SafeString:
    """Return links to pipelines, one after the other."""
    return format_html_join(
        ", ",
        '<a href="{}" class="text-primary-600 dark:text-primary-500">{}</a>{}',
        (
            (reverse("admin:components_pipeline_change", args=[row.pk]), row.name, "" if row.is_active else " (off)")
            for row in pipelines
        ),
    )
