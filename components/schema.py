"""What a component's JSON schema says of each of its settings, in the words that a form needs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from components.contract import ComponentConfig

HIDDEN = "••••"
ABBREVIATIONS = frozenset({"api", "html", "http", "json", "url", "usd"})


@dataclass(frozen=True)
class Setting:
    """One setting of a component.

    Args:
        kind: the JSON type: string, integer, number, boolean, array, object; empty where several would fit.
        item_kind: the JSON type of an array's items or of an object's values.
        choices: the only values that fit; empty for any.
        default: what holds where nothing is set; None also for a setting that must be given.
    """

    name: str
    label: str
    description: str
    kind: str
    item_kind: str = ""
    choices: tuple[Any, ...] = ()
    default: Any = None
    is_required: bool = False
    is_nullable: bool = False
    is_staff_only: bool = False
    is_secret: bool = False
    limits: Mapping[str, Any] = field(default_factory=dict)


def settings_of(config: type[ComponentConfig]) -> dict[str, Setting]:
    """Return a component's settings in their order."""
    schema = config.model_json_schema()
    required = schema.get("required", [])
    return {
        name: _setting(name, _resolved(part, schema), schema, is_required=name in required)
        for name, part in schema.get("properties", {}).items()
    }


@cache
def secret_fields(config: type[ComponentConfig]) -> frozenset[str]:
    """Return the settings that nobody may read again once they are stored."""
    return frozenset(name for name, setting in settings_of(config).items() if setting.is_secret)


def without_secrets(config: type[ComponentConfig], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as they may be shown and kept in a history: which secrets are set, not what they are."""
    secret = secret_fields(config)
    return {name: masked(value) if name in secret else value for name, value in settings.items()}


def masked(value: Any) -> Any:
    """Return a secret's outline; of an object the names."""
    if isinstance(value, Mapping):
        return dict.fromkeys(value, HIDDEN)
    return HIDDEN if value not in (None, "", []) else value


def _setting(name: str, part: dict[str, Any], schema: dict[str, Any], *, is_required: bool) -> Setting:
    kind, items = _kind(part), _items(part, schema)
    return Setting(
        name=name,
        label=_label(name, part),
        description=part.get("description", ""),
        kind=kind,
        item_kind=_kind(items),
        choices=_choices(part),
        default=part.get("default"),
        is_required=is_required,
        is_nullable=bool(part.get("nullable")),
        is_staff_only=bool(part.get("staff_only")),
        is_secret=part.get("format") == "password" or (bool(part.get("staff_only")) and kind == "object"),
        limits=part,
    )


def _resolved(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with its reference put in and, of ``X | None``, the arm that is not null."""
    if "$ref" in part:
        target = schema["$defs"][part["$ref"].rpartition("/")[2]]
        # the class's own title and docstring say nothing about this setting
        part = {**{key: target[key] for key in target if key not in ("title", "description")}, **part}
        del part["$ref"]
    arms = [arm for arm in part.get("anyOf", []) if arm.get("type") != "null"]
    if len(arms) != 1:
        return part
    is_nullable = len(arms) < len(part["anyOf"])
    rest = {key: value for key, value in part.items() if key != "anyOf"}
    return {**_resolved(arms[0], schema), **rest, "nullable": is_nullable}


def _kind(part: dict[str, Any]) -> str:
    kind = part.get("type", "")
    return kind if isinstance(kind, str) else ""


def _items(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    inner = part.get("items") or part.get("additionalProperties")
    return _resolved(inner, schema) if isinstance(inner, dict) else {}


def _choices(part: dict[str, Any]) -> tuple[Any, ...]:
    return (part["const"],) if "const" in part else tuple(part.get("enum", ()))


def _label(name: str, part: dict[str, Any]) -> str:
    words = name.replace("_", " ")
    title = part.get("title", "")
    # pydantic makes titles from names; only a title that somebody chose is better than ours
    if title and title != words.title():
        return str(title)
    spelt = " ".join(word.upper() if word in ABBREVIATIONS else word for word in words.split())
    return spelt[:1].upper() + spelt[1:]
