"""The steps of a pipeline as rows of a form: what a person sees, and the stored list that it means."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from base.problems import Fault, InvalidInput
from components.configurations import configured_components, named_components
from components.lines import settings_read, settings_text
from components.pipeline import MAX_STEPS
from components.registry import component_types
from components.schema import Setting, settings_of

# key of a step -> the field that a fault of it is shown at
_FIELD_OF = {"component": "component", "config": "overrides", "when": "when", "on_error": "on_error"}
Choices = list[tuple[str, Any]]


def component_choices(present: Iterable[str]) -> Choices:
    """Return what a step may name, in groups; what a row names and nobody knows stays choosable, to be refused."""
    types = [(name, f"{name}: {cls.description}") for name, cls in sorted(component_types().items())]
    rows = [(row.pk, f"{row.name} ({row.pk})") for row, _ in configured_components()]
    known = {name for name, _ in (*types, *rows)}
    gone = [(name, f"{name} (not available)") for name in sorted(set(present) - known - {""})]
    groups: Choices = [("", "Choose..."), ("Component types, with their own defaults", types)]
    groups += [("Component settings", rows)] if rows else []
    return groups + ([("Not available", gone)] if gone else [])


class StepForm(forms.Form):
    """One step."""

    use_required_attribute = False

    component = forms.CharField(
        label="Component", widget=UnfoldAdminSelectWidget, error_messages={"required": "Choose a component."}
    )
    beside = forms.BooleanField(
        label="Runs beside the step above",
        required=False,
        widget=UnfoldBooleanWidget,
        help_text="Both start together; they must write different keys.",
    )
    overrides = forms.CharField(
        label="Own settings",
        required=False,
        strip=False,
        max_length=100_000,
        widget=UnfoldAdminTextareaWidget({"rows": 2, "placeholder": "temperature: 0.2", "spellcheck": "false"}),
        help_text="One 'name: value' per line; they win over the component's. Empty: none.",
    )
    when = forms.CharField(
        label="Only when",
        required=False,
        strip=False,
        widget=UnfoldAdminTextInputWidget({"placeholder": "data.tone == 'technical'", "spellcheck": "false"}),
        help_text="A JMESPath expression over data, type and metadata. Empty: always.",
    )
    on_error = forms.ChoiceField(
        label="If it fails for good",
        required=False,
        choices=[("", "the context fails"), ("skip", "go on without its result")],
        widget=UnfoldAdminSelectWidget,
    )
    origin = forms.CharField(required=False, widget=forms.HiddenInput)

    def has_changed(self) -> bool:
        """Tell whether anything was typed; the place in the order alone makes no step."""
        return any((self[name].data or "") for name in ("component", "beside", "overrides", "when", "on_error"))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        known = settings_known(cleaned.get("component", ""))
        try:
            text = cleaned.get("overrides", "").replace("\r\n", "\n")
            cleaned["config"] = settings_read(text, known)
        except InvalidInput as exc:
            for fault in exc.errors:
                self.add_error("overrides", fault.message)
        return cleaned

    def meaning(self) -> dict[str, Any]:
        """Return what was typed, every key given."""
        typed = self.cleaned_data
        return _meaning({**typed, "when": typed["when"] if typed["when"].strip() else None})


def settings_known(name: str) -> Mapping[str, Setting]:
    """Return the settings of the component that a step names; none where nobody knows it."""
    named = named_components([name]).get(name)
    return settings_of(named.type.Config) if named else {}


def _meaning(item: Any) -> dict[str, Any]:
    """Return a stored step with every key given, so that two ways to say the same are equal."""
    if isinstance(item, str):
        item = {"component": item}
    return {
        "component": item["component"],
        "config": item.get("config") or {},
        "when": item.get("when") or None,
        "on_error": item.get("on_error") or "fail",
    }


def _stored(meaning: dict[str, Any]) -> Any:
    """Return a step in its shortest form: a name alone stays a string."""
    extras = {key: value for key, value in meaning.items() if value and (key, value) != ("on_error", "fail")}
    return meaning["component"] if len(extras) == 1 else extras


def _same(one: Any, other: Any) -> bool:
    # as JSON: to Python 1, 1.0 and True are equal
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


class BaseSteps(forms.BaseFormSet):
    """The rows in their order.

    Args:
        stored: the pipeline as it is stored; a step that was not touched keeps its form to the letter.
    """

    ordering_widget = UnfoldAdminIntegerFieldWidget
    deletion_widget = UnfoldBooleanWidget

    def __init__(self, *args: Any, stored: Any = (), **kwargs: Any) -> None:
        self.stored = list(stored) if isinstance(stored, list) else []
        self._paths: list[tuple[str, StepForm]] = []
        kwargs["initial"] = rows_of(self.stored)
        super().__init__(*args, **kwargs)
        choices = component_choices(str(form["component"].value() or "") for form in self.forms)
        for form in (*self.forms, self.empty_form):
            form.fields["component"].widget.choices = choices
        self.choices = choices

    @property
    def empty_form(self) -> forms.Form:
        form = super().empty_form
        if hasattr(self, "choices"):
            form.fields["component"].widget.choices = self.choices
        return cast(forms.Form, form)

    def rows(self) -> list[StepForm]:
        """Return the rows that are steps, in the order that was asked for; needs a valid formset."""
        return [cast(StepForm, form) for form in self.ordered_forms]

    def clean(self) -> None:
        if any(self.errors) or not self.management_form.is_valid():  # no browser leaves that out
            return
        rows = self.rows()
        if rows and rows[0].cleaned_data["beside"]:
            rows[0].add_error("beside", "The first step has none above it.")

    def steps(self) -> list[Any]:
        """Return the pipeline that was typed, as it is stored."""
        self._paths = []
        steps: list[Any] = []
        for index, group in enumerate(_groups(self.rows())):
            is_parallel = len(group) > 1
            self._paths += [(f"/{index}/{at}" if is_parallel else f"/{index}", row) for at, row in enumerate(group)]
            steps.append(self._kept(group) or self._made(group))
        return steps

    def _made(self, group: list["StepForm"]) -> Any:
        items = [self._kept_item(row) or _stored(row.meaning()) for row in group]
        return items if len(items) > 1 else items[0]

    def _kept(self, group: list["StepForm"]) -> Any:
        """Return the stored stage that these rows are, unchanged: a list of one step stays a list."""
        stage = self._at(group[0].cleaned_data["origin"].partition("/")[0])
        if not isinstance(stage, list) or len(stage) != len(group):
            return None
        return (
            stage if all(_same(row.meaning(), _meaning(item)) for row, item in zip(group, stage, strict=True)) else None
        )

    def _kept_item(self, row: "StepForm") -> Any:
        item = self._at(row.cleaned_data["origin"])
        is_kept = item is not None and not isinstance(item, list) and _same(row.meaning(), _meaning(item))
        return item if is_kept else None

    def _at(self, origin: str) -> Any:
        found: Any = self.stored
        for part in origin.split("/") if origin else ():
            if not (isinstance(found, list) and part.isdecimal() and int(part) < len(found)):
                return None
            found = found[int(part)]
        return found if origin else None

    def place(self, faults: Iterable[Fault]) -> list[str]:
        """Show each fault of `steps` beside its row; return the messages of those that have none."""
        return [fault.message for fault in faults if not self._place(fault)]

    def _place(self, fault: Fault) -> bool:
        for path, row in self._paths:
            if fault.path == path or fault.path.startswith(f"{path}/"):
                key, _, deeper = fault.path[len(path) + 1 :].partition("/")
                name = deeper.partition("/")[0]
                row.add_error(_FIELD_OF.get(key, "component"), f"{name}: {fault.message}" if name else fault.message)
                return True
        return False

    def rows_to_show(self) -> list[forms.Form]:
        """Return the rows as the page shows them: in the order that was asked for, even where something is wrong."""
        return sorted(self.forms, key=_asked_place) if self.is_bound else list(self.forms)


def _groups(rows: list[StepForm]) -> Iterator[list[StepForm]]:
    group: list[StepForm] = []
    for row in rows:
        if group and not row.cleaned_data["beside"]:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _asked_place(form: forms.Form) -> tuple[bool, int]:
    asked = str(form["ORDER"].data or "")
    return not asked.isdecimal(), int(asked) if asked.isdecimal() else 0


Steps = forms.formset_factory(
    StepForm,
    formset=BaseSteps,
    extra=1,
    can_order=True,
    can_delete=True,
    max_num=MAX_STEPS,
    validate_max=True,
    absolute_max=MAX_STEPS * 2,
)


def rows_of(steps: list[Any]) -> list[dict[str, Any]]:
    """Return a stored pipeline as the rows' initial values."""
    rows = []
    for index, stage in enumerate(steps):
        if not isinstance(stage, list):
            rows.append(_row_of(stage, f"{index}", beside=False))
            continue
        rows += [_row_of(item, f"{index}/{at}", beside=at > 0) for at, item in enumerate(stage)]
    return rows


def _row_of(item: Any, origin: str, *, beside: bool) -> dict[str, Any]:
    meaning = _meaning(item)
    return {
        "component": meaning["component"],
        "beside": beside,
        "overrides": settings_text(meaning["config"]),
        "when": meaning["when"] or "",
        "on_error": "" if meaning["on_error"] == "fail" else meaning["on_error"],
        "origin": origin,
    }
