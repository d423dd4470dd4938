"""What is said about an image, as forms."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from base.forms import show_problem
from base.problems import Problem
from media_app.formats import CONTENT_TYPES, FORMATS_TAKEN
from media_app.models import Asset
from media_app.pictures import Picture, picture_read
from media_app.search import tags_split
from media_app.services import AssetText, text_read
from users.models import Organization

TAGS_HELP = "Separated by commas, such as: sea, deep blue. Pipelines find images by these."
TAKEN_HELP = f"{FORMATS_TAKEN}. The place where a photo was taken and the like are left out."


class AssetForm(forms.ModelForm):
    """What is said about an image; tags are one line of text."""

    tags = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=TAGS_HELP,
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
        help_text=TAKEN_HELP,
    )
    picture: Picture | None = None

    def clean_upload(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["upload"]
        try:
            self.picture = picture_read(file, file.content_type or "")  # type: ignore[arg-type]
        except Problem as problem:
            raise forms.ValidationError([fault.message for fault in problem.errors] or problem.detail) from problem
        return file


class ManyFilesWidget(UnfoldAdminFileFieldWidget):
    """A field for several files; what is wrong with one is no fault of the form."""

    allow_multiple_selected = True


class UploadManyForm(forms.Form):
    """What is said about all images of one upload. The files themselves are checked one by one.

    Args:
        chooses_organization: whether the person may say whose the images are.
    """

    tags = forms.CharField(required=False, widget=UnfoldAdminTextInputWidget, help_text=TAGS_HELP)
    organization = forms.ModelChoiceField(
        Organization.objects.order_by("name"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        empty_label="All organizations",
        help_text="Who may use them.",
    )

    def __init__(self, *args: Any, chooses_organization: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not chooses_organization:
            del self.fields["organization"]

    def clean_tags(self) -> list[str]:
        try:
            return text_read(title="?", alt="", tags=tags_split([self.cleaned_data["tags"]])).tags
        except Problem as problem:
            raise forms.ValidationError([fault.message for fault in problem.errors] or problem.detail) from problem
