"""The two forms of a component setting: which component it configures, then its settings."""

from typing import Any, cast
from urllib.parse import urlsplit

from django import forms
from django.forms.models import ModelFormMetaclass
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from base.forms import show_problem
from base.problems import Fault, InvalidInput, Problem
from components.admin.seen import SeenForm
from components.contract import Component as ComponentType
from components.edits import id_check, settings_check
from components.forms import PREFIX, setting_field
from components.models import Component
from components.registry import component_types
from components.schema import HIDDEN, Setting, settings_of
from components.sealing import SEALED

ID_PREFIX = "comp_"


def chosen_id_field(**options: Any) -> forms.CharField:
    """Return the field for an id that a person chooses."""
    return forms.CharField(label="Id", max_length=64, widget=UnfoldAdminTextInputWidget, **options)


def check_new_id(form: forms.BaseForm, model: type[Any], chosen: str, *, prefix: str) -> str:
    """Return an id that is well formed and free, or say beside the field why it is not."""
    try:
        id_check(chosen, prefix=prefix)
    except Problem as problem:
        raise forms.ValidationError([fault.message for fault in problem.errors]) from problem
    if model.objects.filter(pk=chosen).exists() or chosen in component_types():
        raise forms.ValidationError("This id is taken; choose another one.")
    return chosen


class ChooseForm(forms.Form):
    """What comes first: the type decides which settings there are."""

    chosen_id = chosen_id_field(
        help_text="What pipelines call it, such as comp_ai_generator_gpt4. It cannot be changed later."
    )
    type = forms.ChoiceField(
        label="Type",
        widget=UnfoldAdminSelectWidget,
        help_text="The component that it configures. It cannot be changed later.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        types = component_types().items()
        choice = self.fields["type"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [("", "Choose..."), *((name, f"{name}: {cls.description}") for name, cls in sorted(types))]

    def clean_chosen_id(self) -> str:
        return check_new_id(self, Component, self.cleaned_data["chosen_id"], prefix=ID_PREFIX)


class ComponentForm(SeenForm):
    """A component setting. `form_for` adds the fields of its type.

    Only what was typed is stored; what was not touched stays as it is stored, to the letter.
    """

    settings: dict[str, Setting] = {}
    type_name = ""

    class Meta:
        model = Component
        fields = ("name", "description", "is_active")
        widgets = {"description": UnfoldAdminTextareaWidget({"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_new:
            self.instance.type = self.type_name
        self.stored: dict[str, Any] = dict(self.instance.config or {})
        self.initial.update({f"{PREFIX}{name}": value for name, value in self.stored.items() if name in self.settings})
        for name, setting in self.settings.items():
            if setting.is_secret and self.stored.get(name):  # it is set: nothing need be typed
                field = self.fields[f"{PREFIX}{name}"]
                field.required, field.widget.attrs["placeholder"] = False, f"{HIDDEN} (set)"

    def clean_chosen_id(self) -> str:
        return check_new_id(self, Component, self.cleaned_data["chosen_id"], prefix=ID_PREFIX)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if "chosen_id" in cleaned:
            self.instance.pk = cleaned["chosen_id"]
        # a type that is no longer installed has no fields: its settings stay as they are
        if self.settings or self.instance.type in component_types():
            self.instance.config = self._typed(cleaned)
            self._check_secrets_stay()
        self._check()
        return cleaned

    def _typed(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        config = {}
        for name, setting in self.settings.items():
            value = cleaned.get(f"{PREFIX}{name}")
            is_kept = setting.is_secret and setting.kind == "string" and value in (None, "")
            if name in self.stored and (is_kept or f"{PREFIX}{name}" not in self.changed_data):
                config[name] = self.stored[name]
            elif setting.is_secret and isinstance(value, dict):
                config[name] = self._secrets(name, value)
            elif value not in (None, ""):
                config[name] = value
        return config

    def _secrets(self, name: str, typed: dict[str, str]) -> dict[str, Any]:
        """Return an object's values: those that were typed, and of the others what is stored."""
        stored = self.stored.get(name) or {}
        for key in (key for key, value in typed.items() if value == HIDDEN and key not in stored):
            self.add_error(f"{PREFIX}{name}", f"{key}: type its value.")
        for key in (key for key, value in typed.items() if value.startswith(SEALED)):
            self.add_error(f"{PREFIX}{name}", f"{key}: a value cannot begin with {SEALED!r}.")
        return {key: stored.get(key, "") if value == HIDDEN else value for key, value in typed.items()}

    def _check_secrets_stay(self) -> None:
        """Refuse to send a stored secret to another server: whoever may not read it could have it sent to theirs."""
        if not any(self._leads_elsewhere(name) for name in self.settings):
            return
        for name in (name for name, setting in self.settings.items() if setting.is_secret and self.stored.get(name)):
            stored, chosen = self.stored[name], self.instance.config.get(name)
            are_pairs = isinstance(stored, dict) and isinstance(chosen, dict)
            if chosen == stored or (are_pairs and stored.items() & chosen.items()):
                told = "The address leads to another server now: type every value anew, or take it out."
                self.add_error(f"{PREFIX}{name}", told)

    def _leads_elsewhere(self, name: str) -> bool:
        former, chosen = self.stored.get(name), self.instance.config.get(name)
        return (
            self.settings[name].limits.get("format") == "uri"
            and former is not None
            and _server(former) != _server(chosen)
        )

    def _check(self) -> None:
        try:
            settings_check(self.instance.type, self.instance.config)
        except InvalidInput as problem:
            placed = [_beside(fault) for fault in problem.errors]
            # a field that could not be read has said so; its setting only seems to be missing
            told = [fault for fault in placed if fault.path.strip("/") not in self.errors]
            if told:
                show_problem(self, InvalidInput(told))


def _server(address: Any) -> tuple[str, str]:
    try:
        parts = urlsplit(str(address))
    except ValueError:  # half an address in brackets; the check of the settings says so
        return "", str(address)
    return parts.scheme.lower(), parts.netloc.lower()


def _beside(fault: Fault) -> Fault:
    """Return a fault at the field of its setting; what lies deeper is named in the message."""
    match fault.path.split("/"):
        case ["", name, index, *_] if index.isdigit():
            return Fault(f"/{PREFIX}{name}", f"Line {int(index) + 1}: {fault.message}")
        case ["", name, key, *_]:
            return Fault(f"/{PREFIX}{name}", f"{key}: {fault.message}")
        case ["", name]:
            return Fault(f"/{PREFIX}{name}", fault.message)
    return fault


def form_for(type_name: str, *, is_new: bool) -> type[ComponentForm]:
    """Return the form for a type's settings; for a type that is not installed, one without any."""
    found: type[ComponentType[Any]] | None = component_types().get(type_name)
    settings = settings_of(found.Config) if found else {}
    fields: dict[str, Any] = {f"{PREFIX}{name}": setting_field(setting) for name, setting in settings.items()}
    if is_new:
        fields["chosen_id"] = chosen_id_field(help_text="What pipelines call it. It cannot be changed later.")
    facts = {"settings": settings, "type_name": type_name, "__module__": __name__}
    return cast(type[ComponentForm], ModelFormMetaclass("ComponentForm", (ComponentForm,), {**fields, **facts}))
