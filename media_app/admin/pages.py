"""The media library in the admin."""

from collections import Counter
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action, display
from unfold.views import ChangeList

from media_app.admin.forms import AssetAddForm, AssetForm
from media_app.admin.upload_page import UploadPage
from media_app.admin.uses import used_among, uses_of
from media_app.models import Asset
from media_app.selectors import MAX_CANDIDATES, asset_thumbnail_url, asset_url, assets_filter
from media_app.services import asset_activate, asset_deactivate, asset_delete, asset_edit, asset_store
from users.models import User
from users.scoped_admin import OrganizationScoped, organization_of

USES_SHOWN = 30
TAGS_OFFERED = 200


class TagFilter(DropdownFilter):
    """A tag: the most frequent ones of the newest images, and the one that is asked for."""

    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        newest = model_admin.get_queryset(request).order_by("-pk").values_list("tags", flat=True)[:MAX_CANDIDATES]
        counted = Counter(tag for tags in newest for tag in tags)
        offered = {tag for tag, _ in counted.most_common(TAGS_OFFERED)} | {request.GET.get(self.parameter_name, "")}
        return [(tag, tag) for tag in sorted(offered - {""})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return assets_filter(queryset, tags=[self.value()]) if self.value() else queryset


class AssetList(ChangeList):
    """The list, with what is used of the images on the page."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        assets: list[Any] = list(self.result_list)
        used = used_among(request, assets)
        for asset in assets:
            asset.is_used = asset.pk in used
        self.result_list = assets


@admin.register(Asset)
class AssetAdmin(OrganizationScoped, UploadPage):
    """Images: upload, describe, take out of use. Only administrators remove one for good."""

    list_display = ("thumbnail_shown", "title", "tags_shown", "size_shown", "state_shown", "owner_shown")
    list_display_links = ("thumbnail_shown", "title")
    list_filter = (TagFilter, "is_active", "organization")
    list_filter_submit = True
    list_select_related = ("organization",)
    list_per_page = 48
    list_fullwidth = True
    search_fields = ("title",)
    search_help_text = "Words of the title, the alternative text or the tags"
    actions = ("deactivate", "activate")
    actions_list = ("upload_many",)
    change_form_after_template = "media_app/uses.html"
    form = AssetForm
    facts = ("preview", "address", "size_shown", "content_type", "id", "uploaded_by", "created_at")
    said = ("title", "alt", "tags", "organization", "is_active")

    class Media:
        css = {"all": ("media_app/library.css",)}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AssetList

    @action(description="Upload many", icon="upload", permissions=["add"])
    def upload_many(self, request: HttpRequest) -> HttpResponse:
        return self.upload_page(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        asset = self.get_object(request, unquote(object_id))
        found = uses_of(request, asset, USES_SHOWN + 1) if asset and self.has_view_permission(request, asset) else []
        said = {"uses": found[:USES_SHOWN], "uses_are_cut": len(found) > USES_SHOWN}
        shown: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **said})
        return shown

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if obj else {"form": AssetAddForm}), **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            # who is bound to an organization uploads for it; an empty field would say "for all"
            said = [name for name in self.said if name != "organization" or organization_of(request) is None]
            return [(None, {"fields": ("upload", *said)})]
        return [(None, {"fields": ("preview", *self.said)}), ("File", {"fields": self.facts[1:]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), *(self.facts if obj else ())]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # content that shows the image would break; to deactivate it is what an editor means
        is_administrator = isinstance(request.user, User) and request.user.is_superuser
        return is_administrator and super().has_delete_permission(request, obj)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Asset], search_term: str
    ) -> tuple[QuerySet[Asset], bool]:
        return assets_filter(queryset, query=search_term), False

    def save_model(self, request: HttpRequest, obj: Asset, form: Any, change: bool) -> None:
        if change:
            asset_edit(obj, form.text)
            return
        obj.uploaded_by = request.user if isinstance(request.user, User) else None
        asset_store(obj, form.text, form.picture)

    def delete_model(self, request: HttpRequest, obj: Asset) -> None:
        asset_delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Asset]) -> None:
        for asset in queryset:
            asset_delete(asset)

    @admin.action(description="Deactivate: no new content finds them", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Asset]) -> None:
        own = [asset for asset in queryset if self.has_change_permission(request, asset)]
        for asset in own:
            asset_deactivate(asset)
        self.message_user(request, f"Deactivated {len(own)}. Content that shows them keeps working.")

    @admin.action(description="Activate", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Asset]) -> None:
        own = [asset for asset in queryset if self.has_change_permission(request, asset)]
        for asset in own:
            asset_activate(asset)
        self.message_user(request, f"Activated {len(own)}.")

    @display(description="Image")
    def thumbnail_shown(self, asset: Asset) -> SafeString:
        return format_html(
            '<img src="{}" alt="{}" loading="lazy" width="320" height="240">',
            asset_thumbnail_url(asset),
            asset.alt or asset.title,  # it is a link, which needs a name
        )

    @display(description="Tags")
    def tags_shown(self, asset: Asset) -> SafeString:
        links = format_html_join("", '<a href="?{}">{}</a>', ((urlencode({"tag": tag}), tag) for tag in asset.tags))
        return format_html('<span class="media-tags">{}</span>', links) if asset.tags else SafeString("")

    @display(description="State", label={"in use": "success", "not used": "default", "deactivated": "warning"})
    def state_shown(self, asset: Any) -> str:
        if not asset.is_active:
            return "deactivated"
        return "in use" if asset.is_used else "not used"

    @display(description="Organization")
    def owner_shown(self, asset: Asset) -> str:
        return asset.organization.name if asset.organization else "for all organizations"

    @display(description="Size")
    def size_shown(self, asset: Asset) -> str:
        return f"{asset.width} x {asset.height}, {filesizeformat(asset.size_bytes)}"

    @display(description="Image")
    def preview(self, asset: Asset) -> SafeString:
        return format_html(
            '<a href="{0}"><img src="{0}" alt="{1}" style="max-height:320px;max-width:100%"></a>',
            asset_url(asset),
            asset.alt,
        )

    @display(description="Address")
    def address(self, asset: Asset) -> SafeString:
        return format_html('<a href="{0}">{0}</a>', asset_url(asset))
