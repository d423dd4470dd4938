"""People, organizations and keys in the admin: for administrators; auditors look."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm

from base.clock import to_iso
from base.problems import Problem
from users.forms import ApiKeyForm, UserAddForm, UserEditForm
from users.models import ApiKey, Organization, User
from users.rotation import apikey_rotate
from users.scoped_admin import OrganizationScoped, organization_of
from users.services import KeyState, apikey_create, apikey_edit, apikey_revoke, apikey_state

admin.site.unregister(Group)  # roles say what people may do; a group would change nothing


class KeptForever(ModelAdmin):
    """Rows that others refer to: they are deactivated, never removed."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(OrganizationScoped, DjangoUserAdmin, KeptForever):
    """People: their role, their organization, their password."""

    form = UserEditForm
    add_form = UserAddForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "name", "role_shown", "organization", "is_active", "last_login")
    list_filter = ("role", "is_active", "organization")
    list_select_related = ("organization",)
    search_fields = ("username", "name", "email")
    ordering = ("username",)
    filter_horizontal = ()
    readonly_fields = ("id", "last_login", "created_at")
    fieldsets = (
        (None, {"fields": ("username", "password", "name", "email")}),
        ("Access", {"fields": ("role", "organization", "is_active")}),
        ("Record", {"fields": ("id", "last_login", "created_at")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "name", "email", "role", "organization", "password1", "password2")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        # a person without an organization is staff of Draftline, not shared by all
        own = organization_of(request)
        rows: QuerySet[User] = super().get_queryset(request)
        return rows if own is None else rows.filter(organization_id=own)

    @display(description="Role", ordering="role")
    def role_shown(self, user: User) -> str:
        return user.get_role_display()


@admin.register(Organization)
class OrganizationAdmin(KeptForever):
    """Organizations. Deactivating one ends its keys at once."""

    list_display = ("name", "id", "is_active", "created_at")
    list_filter = ("is_active",)
    search_fields = ("name",)
    readonly_fields = ("id", "created_at")
    fields = ("name", "is_active", "id", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        own = organization_of(request)
        rows: QuerySet[Organization] = super().get_queryset(request)
        return rows if own is None else rows.filter(pk=own)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return organization_of(request) is None and super().has_add_permission(request)


@admin.register(ApiKey)
class ApiKeyAdmin(OrganizationScoped, KeptForever):
    """Keys of client apps. The secret is shown once; its hash never."""

    form = ApiKeyForm
    list_display = ("name", "begins_with", "organization", "scopes_shown", "state", "expires_at", "last_used_at")
    list_filter = ("organization",)
    list_select_related = ("organization",)
    search_fields = ("name", "prefix", "id")
    actions = ("revoke",)
    actions_submit_line = ("rotate_this", "revoke_this")
    said = ("name", "organization", "scopes", "rate", "expires_at")
    facts = ("state", "begins_with", "id", "replaces", "created_by", "created_at", "last_used_at", "revoked_at")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sets: list[Any] = [(None, {"fields": self.said})]
        return [*sets, ("Record", {"fields": self.facts})] if obj else sets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "organization", *self.facts] if obj else fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        ended = obj is not None and obj.revoked_at is not None
        return not ended and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: ApiKeyForm, change: bool) -> None:
        if change:
            apikey_edit(obj)
            self._act(request, obj)
            return
        made, secret = apikey_create(
            name=obj.name,
            organization=obj.organization,
            scopes=obj.scopes,
            rate=obj.rate,
            expires_at=obj.expires_at,
            created_by=request.user if isinstance(request.user, User) else None,
        )
        obj.__dict__.update(made.__dict__)
        self._show_once(request, secret)

    def _act(self, request: HttpRequest, obj: ApiKey) -> None:
        # unfold does this in its own save_model, after it has saved every field, the hash too
        for pressed in self.get_actions_submit_line(request, obj.pk):
            if pressed.action_name in request.POST:
                pressed.method(request, obj)

    def _show_once(self, request: HttpRequest, secret: str) -> None:
        text = "Copy the key now, it cannot be shown again: <code>{}</code>"
        messages.warning(request, format_html(text, secret))

    @admin.action(description="Revoke: apps that carry them are refused at once", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        keys = list(queryset)
        for key in keys:
            apikey_revoke(key)
        self.message_user(request, f"Revoked {len(keys)}. They can be neither used nor brought back.")

    @action(description="Rotate: a new key, and 24 hours to put it in place")
    def rotate_this(self, request: HttpRequest, obj: ApiKey) -> HttpResponse | None:
        key = ApiKey.objects.select_related("organization").get(pk=obj.pk)
        try:
            made = apikey_rotate(key, created_by=request.user if isinstance(request.user, User) else None)
        except Problem as exc:
            self.message_user(request, exc.detail, messages.ERROR)
            return None
        self.message_user(request, f"{made.key.pk} replaces this key, which works until {to_iso(made.old_until)}.")
        self._show_once(request, made.secret)
        return None

    @action(description="Revoke this key")
    def revoke_this(self, request: HttpRequest, obj: ApiKey) -> HttpResponse | None:
        apikey_revoke(obj)
        self.message_user(request, "Revoked. It can be neither used nor brought back.")
        return None

    def get_actions_submit_line(self, request: HttpRequest, object_id: str) -> Any:
        # unfold hands on what stands in the address, where an underscore is quoted
        key = ApiKey.objects.filter(pk=unquote(object_id)).first() if object_id else None
        if key is None or not self.has_change_permission(request, key):
            return []
        return super().get_actions_submit_line(request, object_id)

    @display(description="Begins with")
    def begins_with(self, key: ApiKey) -> str:
        return f"{key.prefix}…"

    @display(description="Scopes")
    def scopes_shown(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @display(
        description="State",
        label={
            KeyState.ACTIVE.value: "success",
            KeyState.EXPIRED.value: "warning",
            KeyState.REVOKED.value: "danger",
            KeyState.ORGANIZATION_INACTIVE.value: "warning",
        },
    )
    def state(self, key: ApiKey) -> str:
        return apikey_state(key).value
