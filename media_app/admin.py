"""The media library in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextInputWidget

from base.forms import show_problem
from base.problems import Problem
from media_app.formats import CONTENT_TYPES, FORMATS_TAKEN
from media_app.models import Asset
from media_app.pictures import Picture, picture_read
from media_app.search import tags_split
from media_app.selectors import asset_thumbnail_url, asset_url, assets_filter
from media_app.services import (
    AssetText,
    asset_activate,
    asset_deactivate,
    asset_delete,
    asset_edit,
    asset_store,
    text_read,
)
from users.models import User
from users.scoped_admin import OrganizationScoped


class AssetForm(forms.ModelForm):
    """What is said about an image; tags are one line of text."""

    tags = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Separated by commas, such as: sea, deep blue. Pipelines find images by these.",
    )
    text: AssetText | None = None

    class Meta:
        model = Asset
        fields = ("title", "alt", "tags", "organization", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["tags"] = ", ".join(self.instance.tags)

    def clean_tags(self) -> list[str]:
        return tags_split([self.cleaned_data["tags"]])

    def clean(self) -> None:
        super().clean()
        try:
            self.text = text_read(
                title=self.cleaned_data.get("title", "?"),  # the field has told what is wrong with it
                alt=self.cleaned_data.get("alt", ""),
                tags=self.cleaned_data.get("tags", []),
            )
        except Problem as problem:
            show_problem(self, problem)


class AssetAddForm(AssetForm):
    """An upload: the image is checked while the form is, so that what is wrong stands beside the field."""

    upload = forms.FileField(
        label="Image",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ",".join(CONTENT_TYPES.values())}),
        help_text=f"{FORMATS_TAKEN}. The place where a photo was taken and the like are left out.",
    )
    picture: Picture | None = None

    def clean_upload(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["upload"]
        try:
            self.picture = picture_read(file, file.content_type or "")  # type: ignore[arg-type]
        except Problem as problem:
            raise forms.ValidationError([fault.message for fault in problem.errors] or problem.detail) from problem
        return file


@admin.register(Asset)
class AssetAdmin(OrganizationScoped, ModelAdmin):
    """Images: upload, describe, take out of use. Only administrators remove one for good."""

    list_display = ("thumbnail_shown", "title", "tags_shown", "size_shown", "organization", "is_active", "created_at")
    list_display_links = ("thumbnail_shown", "title")
    list_filter = ("is_active", "organization")
    list_select_related = ("organization",)
    list_per_page = 50
    search_fields = ("title",)
    search_help_text = "Words of the title, the alternative text or the tags"
    actions = ("deactivate", "activate")
    form = AssetForm
    facts = ("preview", "address", "size_shown", "content_type", "id", "uploaded_by", "created_at")
    said = ("title", "alt", "tags", "organization", "is_active")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if obj else {"form": AssetAddForm}), **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": ("upload", *self.said)})]
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
            '<img src="{}" alt="{}" loading="lazy" style="height:48px;width:64px;object-fit:cover;border-radius:4px">',
            asset_thumbnail_url(asset),
            asset.alt or asset.title,  # it is a link, which needs a name
        )

    @display(description="Tags")
    def tags_shown(self, asset: Asset) -> str:
        return ", ".join(asset.tags)

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
