"""The sections of a template as rows of a form: what a person types, and the structure that it means."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from base.problems import Fault
from templates_app.structure import (
    MAX_INSTRUCTIONS_LENGTH,
    MAX_SECTIONS,
    SECTION_TYPE_PATTERN,
    SECTION_TYPE_WORDS,
)

MAX_PARTS = 20
MAX_WORDS = 100_000
TYPE_SUGGESTIONS = ("introduction", "body", "conclusion")
# key of a section -> the field that a fault of it is shown at
_FIELD_OF = {
    "type": "type",
    "heading": "heading",
    "instructions": "instructions",
    "sections": "parts",
    "word_range": "words_most",
}


def _number(label: str, help_text: str, most: int) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        required=False,
        help_text=help_text,
        widget=UnfoldAdminIntegerFieldWidget({"min": 1, "max": most}),
        validators=[MinValueValidator(1), MaxValueValidator(most)],
    )


class SectionForm(forms.Form):
    """One section."""

    use_required_attribute = False

    type = forms.RegexField(
        SECTION_TYPE_PATTERN,
        label="Type",
        max_length=50,
        widget=UnfoldAdminTextInputWidget({"list": "section-types", "autocomplete": "off"}),
        error_messages={"invalid": SECTION_TYPE_WORDS},
        help_text="The section's name in the content.",
    )
    heading = forms.CharField(
        label="Heading",
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Empty: made from the type.",
    )
    instructions = forms.CharField(
        label="Instructions",
        max_length=MAX_INSTRUCTIONS_LENGTH,
        strip=False,
        widget=UnfoldAdminTextareaWidget({"rows": 4, "data-prompt": ""}),
    )
    parts = _number("Sub-sections", "Empty: one text.", MAX_PARTS)
    words_least = _number("Words, at least", "Empty: any length.", MAX_WORDS)
    words_most = _number("Words, at most", "", MAX_WORDS)

    def has_changed(self) -> bool:
        """Tell whether anything was typed; the place in the order alone makes no section."""
        return any((self[name].data or "").strip() for name in SectionForm.base_fields)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        least, most = cleaned.get("words_least"), cleaned.get("words_most")
        if not self.errors and (least is None) != (most is None):
            self.add_error("words_least" if least is None else "words_most", "Give both numbers, or neither.")
        elif least is not None and most is not None and least > most:
            self.add_error("words_most", "This must not be smaller than the number before it.")
        return cleaned

    def section(self) -> dict[str, Any]:
        """Return the section that was typed, without the keys that were left empty."""
        typed = self.cleaned_data
        section: dict[str, Any] = {"type": typed["type"], "instructions": typed["instructions"].replace("\r\n", "\n")}
        if typed["heading"]:
            section["heading"] = typed["heading"]
        if typed["parts"]:
            section["sections"] = typed["parts"]
        if typed["words_least"]:
            section["word_range"] = [typed["words_least"], typed["words_most"]]
        return section


class BaseSections(forms.BaseFormSet):
    """The rows in their order."""

    ordering_widget = UnfoldAdminIntegerFieldWidget
    deletion_widget = UnfoldBooleanWidget

    def rows(self) -> list[SectionForm]:
        """Return the rows that are sections, in the order that was asked for; needs a valid formset."""
        return [cast(SectionForm, form) for form in self.ordered_forms]

    def structure(self) -> dict[str, Any]:
        """Return the structure that was typed."""
        return {"sections": [row.section() for row in self.rows()]}

    def place(self, faults: Iterable[Fault]) -> list[str]:
        """Show each fault beside its field; return the messages of those that have none."""
        return [fault.message for fault in faults if not self._place(fault)]

    def _place(self, fault: Fault) -> bool:
        match fault.path.split("/"):
            case ["", "sections", index, key, *_] if index.isdigit() and key in _FIELD_OF:
                self.rows()[int(index)].add_error(_FIELD_OF[key], fault.message)
                return True
        return False

    def rows_to_show(self) -> list[forms.Form]:
        """Return the rows as the page shows them: in the order that was asked for, even where something is wrong."""
        return sorted(self.forms, key=_asked_place) if self.is_bound else list(self.forms)


def _asked_place(form: forms.Form) -> tuple[bool, int]:
    asked = str(form["ORDER"].data or "")
    return not asked.isdigit(), int(asked) if asked.isdigit() else 0


Sections = forms.formset_factory(
    SectionForm,
    formset=BaseSections,
    extra=1,
    can_order=True,
    can_delete=True,
    max_num=MAX_SECTIONS,
    validate_max=True,
    absolute_max=MAX_SECTIONS * 2,
)


def rows_of(structure: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a structure as the rows' initial values."""
    return [_row_of(section) for section in structure["sections"]]


def _row_of(section: Mapping[str, Any]) -> dict[str, Any]:
    least, most = section.get("word_range") or (None, None)
    return {
        "type": section["type"],
        "heading": section.get("heading", ""),
        "instructions": section["instructions"],
        "parts": section.get("sections"),
        "words_least": least,
        "words_most": most,
    }
