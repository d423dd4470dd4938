"""Form fields for the settings of a component, drawn from its JSON schema.

An empty field means "not set": the value is left out, and the component's own default holds, today's or a later one.
Bounds are checked twice: here, so that the browser helps, and by the component's pydantic model, which decides.
"""

import json
from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.html import escape
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from base.problems import Fault, InvalidInput
from components.lines import pairs_read, pairs_text, value_read, value_text
from components.schema import HIDDEN, Setting

PREFIX = "setting_"
LONG_TEXT = 500
TYPE_AGAIN = "(type it again)"


class TextField(forms.CharField):
    """A text; the browser's line ends are ours."""

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class _Lines(forms.CharField):
    """Many values in one text area; empty text is no value."""

    def __init__(self, *, setting: Setting, **options: Any) -> None:
        self.setting = setting
        rows = {"rows": 3, "placeholder": _shown_default(setting)}
        super().__init__(widget=UnfoldAdminTextareaWidget(rows), strip=False, **options)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else self.text_of(value)

    def to_python(self, value: Any) -> Any:
        text = (super().to_python(value) or "").replace("\r\n", "\n").strip()
        try:
            return self.value_of(text) if text else None
        except InvalidInput as exc:
            raise forms.ValidationError([fault.message for fault in exc.errors]) from exc

    def run_validators(self, value: Any) -> None:
        return  # those of a text do not fit what it means

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or None) != self.to_python(data))
        except forms.ValidationError:
            return True

    def text_of(self, value: Any) -> str:
        raise NotImplementedError

    def value_of(self, text: str) -> Any:
        raise NotImplementedError


class ListField(_Lines):
    """A list, one item per line."""

    def text_of(self, value: Any) -> str:
        return "\n".join(self._item_text(item) for item in value)

    def value_of(self, text: str) -> Any:
        return [self._item(line.strip()) for line in text.splitlines() if line.strip()]

    def _item(self, line: str) -> Any:
        return line if self.setting.item_kind == "string" else value_read(line)

    def _item_text(self, item: Any) -> str:
        return item if isinstance(item, str) and self.setting.item_kind == "string" else value_text(item)


class PairsField(_Lines):
    """An object, one ``Name: value`` per line."""

    def text_of(self, value: Any) -> str:
        plain = self.setting.item_kind == "string"
        return pairs_text({name: item if plain else value_text(item) for name, item in value.items()})

    def value_of(self, text: str) -> Any:
        pairs = pairs_read(text)
        return pairs if self.setting.item_kind == "string" else {name: value_read(item) for name, item in pairs.items()}


class SecretPairsField(PairsField):
    """An object whose values are secret: its page has the names and, for each value that is set, dots.

    A value of dots, or none, stays what is stored. What was typed into a form that could not be taken is not sent back
    either: it is to be typed again, which an empty value would not tell.
    """

    def text_of(self, value: Any) -> str:
        return pairs_text(dict.fromkeys(value, HIDDEN))

    def value_of(self, text: str) -> dict[str, str]:
        pairs = pairs_read(text)
        if again := [name for name, value in pairs.items() if value == TYPE_AGAIN]:
            raise InvalidInput([Fault("", f"{name}: type the value again.") for name in again])
        return {name: value or HIDDEN for name, value in pairs.items()}

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(dict.fromkeys(initial or {}, HIDDEN), data)

    def bound_data(self, data: Any, initial: Any) -> Any:
        try:
            pairs = pairs_read(data or "")
        except InvalidInput:
            pairs = dict.fromkeys(initial or {}, HIDDEN)
        kept = {name for name, value in pairs.items() if value in ("", HIDDEN)}
        return pairs_text({name: HIDDEN if name in kept else TYPE_AGAIN for name in pairs})


class AnyField(_Lines):
    """What several kinds fit: a number, a text, ..."""

    def text_of(self, value: Any) -> str:
        return value_text(value)

    def value_of(self, text: str) -> Any:
        return value_read(text)


def setting_field(setting: Setting) -> forms.Field:
    """Return the field for one setting."""
    options: dict[str, Any] = {
        "label": setting.label,
        "required": setting.is_required,
        "help_text": escape(" ".join(part for part in (setting.description, _how(setting)) if part)),
    }
    if setting.choices:
        return _choice(setting, {choice: str(choice) for choice in setting.choices}, options)
    if setting.kind == "boolean":
        return _choice(setting, {True: "Yes", False: "No"}, options)
    return _FIELDS.get(setting.kind, _any)(setting, options)


def _choice(setting: Setting, labels: dict[Any, str], options: dict[str, Any]) -> forms.Field:
    values = {str(value): value for value in labels}
    default = f"Default: {labels[setting.default]}" if setting.default in labels else "Default"  # the help says which
    first = "Choose..." if setting.is_required else default
    return forms.TypedChoiceField(
        choices=[("", first), *((str(value), label) for value, label in labels.items())],
        coerce=values.__getitem__,
        empty_value=None,
        widget=UnfoldAdminSelectWidget,
        **options,
    )


def _number(setting: Setting, options: dict[str, Any]) -> forms.Field:
    is_whole = setting.kind == "integer"
    # the browser's own bounds include their ends; the others are pydantic's to check
    attrs = {"placeholder": _shown_default(setting), "step": 1 if is_whole else "any"}
    bounds: dict[str, Any] = {"min_value": setting.limits.get("minimum"), "max_value": setting.limits.get("maximum")}
    if is_whole:
        return forms.IntegerField(widget=UnfoldAdminIntegerFieldWidget(attrs), **bounds, **options)
    # a number's own widget sets step to 'any', which our attribute says as well
    return forms.FloatField(widget=UnfoldAdminDecimalFieldWidget(attrs), **bounds, **options)


def _text(setting: Setting, options: dict[str, Any]) -> forms.Field:
    most = setting.limits.get("maxLength")
    attrs: dict[str, Any] = {"placeholder": _shown_default(setting)}
    if setting.is_secret:
        attrs = {"autocomplete": "new-password"}
        return TextField(max_length=most, widget=UnfoldAdminPasswordWidget(attrs), **options)
    if most is not None and most > LONG_TEXT:
        attrs["rows"] = 4
        return TextField(max_length=most, strip=False, widget=UnfoldAdminTextareaWidget(attrs), **options)
    return TextField(max_length=most, widget=UnfoldAdminTextInputWidget(attrs), **options)


def _list(setting: Setting, options: dict[str, Any]) -> forms.Field:
    return ListField(setting=setting, **options)


def _pairs(setting: Setting, options: dict[str, Any]) -> forms.Field:
    return (SecretPairsField if setting.is_secret else PairsField)(setting=setting, **options)


def _any(setting: Setting, options: dict[str, Any]) -> forms.Field:
    return AnyField(setting=setting, **options)


_FIELDS: dict[str, Callable[[Setting, dict[str, Any]], forms.Field]] = {
    "integer": _number,
    "number": _number,
    "string": _text,
    "array": _list,
    "object": _pairs,
}


def _how(setting: Setting) -> str:
    """Say how a value is typed, where that is not plain from the field."""
    if setting.kind == "string" and setting.is_secret:
        return "Nobody reads it again. Empty: what is stored stays."
    if setting.kind == "object" and setting.is_secret:
        return f"One 'Name: value' per line. Nobody reads a value again: {HIDDEN} stays what is stored."
    if setting.kind == "array":
        return "One per line."
    if setting.kind == "object":
        return "One 'Name: value' per line."
    low, high = setting.limits.get("minimum"), setting.limits.get("maximum")
    return f"From {low:,} to {high:,}." if low is not None and high is not None else ""


def _shown_default(setting: Setting) -> str:
    if setting.default in (None, "", [], {}):
        return ""
    return setting.default if isinstance(setting.default, str) else json.dumps(setting.default, ensure_ascii=False)
