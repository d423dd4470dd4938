"""The pages of pipelines: the list, and one page for what a pipeline is for and its steps."""

from typing import Any

from django.contrib import admin
from django.db.models import ForeignKey, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from components.admin.component_pages import visible_pipelines
from components.admin.pipeline_forms import PipelineAddForm, PipelineForm
from components.admin.shown import chain
from components.configurations import setting_names
from components.diagram import diagram_of
from components.edits import pipeline_save
from components.models import Pipeline
from components.registry import component_types
from components.schema import settings_of
from users.scoped_admin import is_own, organization_of

PURPOSE = ["description", ("context_type", "organization"), ("is_default", "is_active")]


@admin.register(Pipeline)
class PipelineAdmin(ModelAdmin):
    """Where editors make pipelines; without the right to change, it only shows."""

    list_display = ("name", "id", "type_shown", "chain_shown", "is_default", "is_active", "owner_shown")
    list_filter = ("context_type", "is_default", "is_active")
    list_select_related = ("organization",)
    search_fields = ("name", "id", "description")
    ordering = ("name",)
    warn_unsaved_form = True

    class Media:
        css = {"all": ["templates_app/sections.css", "components/steps.css", "components/diagram.css"]}
        js = ["templates_app/drag.js", "templates_app/sections.js", "components/diagram.js"]

    # --- who may --------------------------------------------------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> QuerySet[Pipeline]:
        rows: QuerySet[Pipeline] = super().get_queryset(request) & visible_pipelines(request)
        return rows

    def has_change_permission(self, request: HttpRequest, obj: Pipeline | None = None) -> bool:
        return super().has_change_permission(request, obj) and is_own(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Pipeline | None = None) -> bool:
        return super().has_delete_permission(request, obj) and is_own(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Pipeline]) -> None:
        for row in queryset:
            if self.has_delete_permission(request, row):
                row.delete()

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Keep a selection from being removed where some of it belongs to others."""
        deleted, counts, needed, protected = super().get_deleted_objects(objs, request)
        protected += [
            f"{row.name} is shared: only staff of Draftline remove it" for row in objs if not is_own(request, row)
        ]
        return deleted, counts, needed, protected

    def formfield_for_foreignkey(self, db_field: ForeignKey, request: HttpRequest | None, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        own = organization_of(request) if request else None
        if db_field.name == "organization" and field is not None and own:
            field.queryset = field.queryset.filter(pk=own)
            field.required, field.initial = True, own
        return field

    # --- the list -------------------------------------------------------------------------------------------------
    @display(description="Type", ordering="context_type")
    def type_shown(self, row: Pipeline) -> str:
        return row.context_type or "any"

    @display(description="Steps")
    def chain_shown(self, row: Pipeline) -> SafeString:
        return chain(row.steps)

    @display(description="For", ordering="organization__name")
    def owner_shown(self, row: Pipeline) -> str:
        return str(row.organization) if row.organization else "all"

    # --- one pipeline ---------------------------------------------------------------------------------------------
    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, form=PipelineForm if obj else PipelineAddForm, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [("What it is for", {"fields": ["name", "id" if obj else "chosen_id", *PURPOSE]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["id"]

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Pipeline:
        row: Pipeline = form.save(commit=False)
        return row

    def save_model(self, request: HttpRequest, obj: Pipeline, form: Any, change: bool) -> None:
        pipeline_save(obj, is_new=not change)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Pipeline | None = None,
    ) -> HttpResponse:
        form: PipelineForm = context["adminform"].form
        context |= {
            "may_write": self.has_change_permission(request, obj) if obj else self.has_add_permission(request),
            "steps": form.steps,
            "chain": chain(obj.steps) if obj else "",
            "stages": diagram_of(obj.steps if obj else [], setting_names()),
            "settings_by_type": [(name, _open_settings(cls)) for name, cls in sorted(component_types().items())],
        }
        page: HttpResponse = super().render_change_form(
            request, context, add=add, change=change, form_url=form_url, obj=obj
        )
        return page


def _open_settings(cls: Any) -> list[Any]:
    """Return the settings that a step may have; the others are for configured components."""
    return [setting for setting in settings_of(cls.Config).values() if not setting.is_staff_only]
