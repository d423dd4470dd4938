"""Configured components: which type a name means, and the settings a step runs with.

A name is a component type, else the id of an active row. Settings: the class's defaults, over them the row's, over
them the step's. They are put together when asked for, so that a corrected row heals the next run.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from pydantic import ValidationError

from base.encryption import Unreadable
from base.problems import Fault
from base.shared_answers import SharedAnswers
from base.validation import as_schema_says, pydantic_faults
from components.contract import Component, ComponentConfig
from components.models import Component as ComponentRow
from components.registry import component_types
from components.sealing import opened

MAX_LISTED = 30

component_answers = SharedAnswers("component")


@dataclass(frozen=True)
class Named:
    """What a component's name stands for.

    Args:
        row_id: the configured row; empty for a plain type.
        settings: what the row sets.
    """

    type: type[Component[Any]]
    row_id: str = ""
    settings: dict[str, Any] = field(default_factory=dict)

    def merged(self, overrides: dict[str, Any]) -> dict[str, Any]:
        """Return the settings of a step with these overrides, not yet validated.

        Raises:
            Unreadable: the row holds a secret that was encrypted with a SECRET_KEY that is gone.
        """
        return {**opened(self.type.Config, self.settings), **overrides}


def named_components(names: Iterable[str]) -> dict[str, Named]:
    """Return what each name stands for; a name that stands for nothing is not in the answer."""
    types = component_types()
    wanted = set(names)
    found = {name: Named(types[name]) for name in wanted if name in types}
    rest = sorted(wanted - set(found))
    if rest:
        found |= {row.pk: _named(row) for row in _usable_rows().filter(pk__in=rest)}
    return found


def named_component(name: str) -> Named | None:
    """Return what a name stands for as workers are told it, at most half a second old; None for nothing."""
    types = component_types()
    if name in types:
        return Named(types[name])
    told = component_answers.get(name, lambda: _told(name))
    # another machine may have told it, with a package that is not installed here
    return Named(types[told["type"]], name, told["settings"]) if told and told["type"] in types else None


def _told(name: str) -> dict[str, Any] | None:
    named = named_components([name]).get(name)
    return {"type": named.type.name, "settings": named.settings} if named is not None else None


def _usable_rows() -> QuerySet[ComponentRow]:
    # a row may outlive its type: a package that brought it can be uninstalled
    return ComponentRow.objects.filter(is_active=True, type__in=sorted(component_types())).order_by("pk")


def _named(row: ComponentRow) -> Named:
    settings = row.config if isinstance(row.config, dict) else {}
    return Named(component_types()[row.type], row.pk, settings)


def configured_components() -> list[tuple[ComponentRow, Named]]:
    """Return every configured component that a step may name."""
    return [(row, _named(row)) for row in _usable_rows()]


def setting_names() -> dict[str, str]:
    """Return the names of all configured components by their ids, those that are switched off too."""
    return dict(ComponentRow.objects.values_list("pk", "name"))


def known_names() -> list[str]:
    """Return every name that a step may use: the types, then the configured rows."""
    return [*sorted(component_types()), *_usable_rows().values_list("pk", flat=True)[:MAX_LISTED]]


def staff_only_fields(config: type[ComponentConfig]) -> frozenset[str]:
    """Return the settings that only staff may give."""
    return frozenset(
        name
        for name, info in config.model_fields.items()
        if isinstance(info.json_schema_extra, dict) and info.json_schema_extra.get("staff_only")
    )


def public_settings(named: Named) -> dict[str, Any]:
    """Return a row's settings without those that only staff may see."""
    hidden = staff_only_fields(named.type.Config)
    return {key: value for key, value in named.settings.items() if key not in hidden}


def settings_faults(named: Named, overrides: dict[str, Any], *, step_path: str, name_path: str) -> list[Fault]:
    """Return what is wrong with a step's settings.

    A fault that the overrides brought is at ``{step_path}/config/...``; one of the stored row, or a setting that is
    missing, is where the component is named.
    """
    try:
        as_schema_says(named.type.Config, named.merged(overrides))
    except Unreadable as exc:
        return [Fault(name_path, f"{named.row_id!r} cannot be used: {exc.detail}")]
    except ValidationError as exc:
        return [
            fault.under(f"{step_path}/config") if _first(fault) in overrides else _elsewhere(named, fault, name_path)
            for fault in pydantic_faults(exc)
        ]
    return []


def _first(fault: Fault) -> str:
    return fault.path.split("/")[1].replace("~1", "/").replace("~0", "~") if fault.path else ""


def _elsewhere(named: Named, fault: Fault, name_path: str) -> Fault:
    if named.row_id:
        return Fault(name_path, f"The settings of {named.row_id!r} are not valid; staff must correct them.")
    setting = _first(fault)
    if setting in staff_only_fields(named.type.Config):
        return Fault(
            name_path,
            f"{named.type.name!r} cannot be used by itself: staff set {setting!r}. Name a configured component of "
            "this type; GET /api/components lists them.",
        )
    return Fault(name_path, f"{named.type.name!r} needs the setting {setting!r}; give it in 'config'.")
