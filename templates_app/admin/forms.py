"""The form of a template: what it is for, and its text with the sections."""

from typing import Any, cast

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from base.problems import InvalidInput
from templates_app.admin.rows import BaseSections, Sections, rows_of
from templates_app.models import Template, TemplateVersion
from templates_app.selectors import draft_of, live_version
from templates_app.services import MAX_NOTE_LENGTH, structure_read
from templates_app.wishes import MAX_TAG_LENGTH, MAX_TAGS

PUBLISH = "_publish"
FIRST_ROWS: list[dict[str, Any]] = [{"type": "introduction"}, {"type": "body", "parts": 3}, {"type": "conclusion"}]


class TemplateForm(forms.ModelForm):
    """A template and its draft, on one page.

    The text that it opens with is the draft, else the live version, else three empty sections. ``seen`` says which
    they were: a save from an old page must not overwrite what somebody else saved or published since.
    """

    tags_text = forms.CharField(
        label="Tags", required=False, widget=UnfoldAdminTextInputWidget, help_text="Separated by commas."
    )
    note = forms.CharField(
        label="Note on this version",
        required=False,
        max_length=MAX_NOTE_LENGTH,
        widget=UnfoldAdminTextInputWidget,
        help_text="What changed, for those who read the history.",
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Template
        fields = ("name", "description", "type", "organization", "tone", "audience", "is_default", "is_active")
        widgets = {"description": UnfoldAdminTextareaWidget({"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        pk = None if self.instance._state.adding else self.instance.pk
        self.draft = draft_of(pk) if pk else None
        self.live = live_version(pk) if pk else None
        self.initial["seen"] = _mark(self.draft, self.live)
        self.initial["note"] = self.draft.note if self.draft else ""
        self.initial["tags_text"] = ", ".join(str(tag) for tag in self.instance.tags)
        posted = self.data if self.is_bound else None
        self.sections = cast(BaseSections, Sections(posted, prefix="sections", initial=self._first_rows(pk)))
        self.structure: dict[str, Any] = {}
        self.done = ""  # what became of the text once it was stored, for the history

    def _first_rows(self, pk: str | None) -> list[dict[str, Any]]:
        shown = self.draft or self.live
        return rows_of(shown.structure) if shown else FIRST_ROWS

    @property
    def wants_to_publish(self) -> bool:
        return PUBLISH in self.data

    @property
    def changes_text(self) -> bool:
        """Tell whether the text differs from the live one; a draft is only made where it does."""
        return self.draft is not None or self.live is None or self.structure != self.live.structure

    def clean_tags_text(self) -> str:
        tags = _tags(self.cleaned_data["tags_text"])
        if len(tags) > MAX_TAGS or any(len(tag) > MAX_TAG_LENGTH for tag in tags):
            raise forms.ValidationError(f"At most {MAX_TAGS} tags of at most {MAX_TAG_LENGTH} characters each.")
        return ", ".join(tags)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.sections.is_valid():
            self.add_error(None, "The sections need a correction: see the messages beside their fields.")
        else:
            self._check_structure()
        if self.data.get("seen", "") != _mark(self.draft, self.live):
            self.add_error(
                None,
                "Somebody else saved or published this template since you opened the page. Copy your changes, "
                "load the page again and repeat them there.",
            )
        return cleaned

    def _check_structure(self) -> None:
        try:
            read = structure_read(self.sections.structure(), to_publish=self.wants_to_publish)
        except InvalidInput as exc:
            told = "published" if self.wants_to_publish else "saved"
            self.add_error(None, f"Nothing was {told}: the sections need a correction.")
            for message in self.sections.place(exc.errors):
                self.add_error(None, message)
        else:
            self.structure = read.document()

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if "tags_text" in self.cleaned_data:
            self.instance.tags = _tags(self.cleaned_data["tags_text"])


def _mark(draft: TemplateVersion | None, live: TemplateVersion | None) -> str:
    drafted = f"{draft.pk} {draft.updated_at.isoformat()}" if draft else "none"
    return f"{drafted}, {live.pk if live else 'none'}"


def _tags(text: str) -> list[str]:
    return list(dict.fromkeys(tag for part in text.split(",") if (tag := part.strip())))
