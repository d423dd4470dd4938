"""The admin's side of "an organization sees only its own rows"."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import Model, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from users.models import User


def organization_of(request: HttpRequest) -> str | None:
    """Return the organization that a member of staff is bound to; None for staff of Draftline itself."""
    return request.user.organization_id if isinstance(request.user, User) else None


def is_own(request: HttpRequest, obj: Model | None) -> bool:
    """Tell whether the person may change a row: shared ones are for those who are bound to no organization."""
    own = organization_of(request)
    return own is None or obj is None or getattr(obj, "organization_id", None) == own


class OrganizationScoped(ModelAdmin):
    """A mixin for models with an ``organization`` that may be empty (shared by all).

    Staff of one organization see its rows and the shared ones, change and remove its own only, and what they add is
    its own. Staff without an organization see and choose.
    """

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        own = organization_of(request)
        return rows if own is None else rows.filter(Q(organization_id=own) | Q(organization_id=None))

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Leave out the organizations for those who are bound to one: the choices would name all others."""
        shown = super().get_list_filter(request)
        return shown if organization_of(request) is None else [name for name in shown if name != "organization"]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_change_permission(request, obj) and is_own(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_delete_permission(request, obj) and is_own(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        fields = list(super().get_readonly_fields(request, obj))
        return fields if organization_of(request) is None else [*fields, "organization"]

    def save_form(self, request: HttpRequest, form: ModelForm, change: bool) -> Any:
        row = super().save_form(request, form, change)
        own = organization_of(request)
        if own is not None and not change:
            row.organization_id = own
        return row
