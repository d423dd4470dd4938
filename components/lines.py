"""Settings as a person types them: one per line, ``name: value``, without braces or quotes. Pure.

A value is read as JSON where it is JSON (``0.2``, ``true``, ``null``, ``["a", "b"]``), else as the text that it is;
where the component's schema says what is meant, that decides: ``42`` is text for a setting that holds text. What is
written by `settings_text` is read back as the same settings.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from base.problems import Fault, InvalidInput, pointer
from base.strict_json import faults_in
from components.schema import Setting

_WORDS = {"yes": True, "true": True, "no": False, "false": False}


def pairs_read(text: str) -> dict[str, str]:
    """Return the names and values of lines ``name: value``; empty lines count for nothing.

    Raises:
        InvalidInput: a line has no name or no colon, or a name stands twice; the message says which line.
    """
    pairs: dict[str, str] = {}
    faults: list[Fault] = []
    for number, line in enumerate(text.splitlines(), start=1):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not line.strip():
            continue
        if not colon or not name:
            faults.append(Fault("", f"Line {number}: write it as 'name: value'."))
        elif name in pairs:
            faults.append(Fault("", f"Line {number}: {name} stands there twice."))
        else:
            pairs[name] = value
    if faults:
        raise InvalidInput(faults)
    return pairs


def pairs_text(pairs: Mapping[str, str]) -> str:
    """Return pairs as lines."""
    return "\n".join(f"{name}: {value}" for name, value in pairs.items())


def settings_read(text: str, known: Mapping[str, Setting]) -> dict[str, Any]:
    """Return the settings that lines say.

    Args:
        known: what the component has; a name that it lacks is read all the same, for the component to refuse.

    Raises:
        InvalidInput: a line cannot be read, or holds what cannot be stored.
    """
    settings = {name: value_read(value, known.get(name)) for name, value in pairs_read(text).items()}
    if faults := list(_unstorable(settings)):
        raise InvalidInput(faults)
    return settings


def _unstorable(settings: dict[str, Any]) -> Iterator[Fault]:
    for name, value in settings.items():
        yield from (Fault(pointer(name), fault.message) for fault in faults_in({name: value}))


def settings_text(settings: Mapping[str, Any]) -> str:
    """Return settings as lines."""
    return pairs_text({name: value_text(value) for name, value in settings.items()})


def value_read(text: str, setting: Setting | None = None) -> Any:
    """Return the value that a text means."""
    value = _json_or_text(text)
    if setting is None:
        return value
    if setting.kind == "string" and not isinstance(value, str | None):
        return text
    if setting.kind == "boolean" and isinstance(value, str):
        return _WORDS.get(value.lower(), value)
    if setting.kind == "array" and not isinstance(value, list | None):
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return parts if setting.item_kind == "string" else [value_read(part) for part in parts]
    return value


def value_text(value: Any) -> str:
    """Return the text that means a value."""
    if isinstance(value, str) and value == value.strip() and len(value.splitlines()) == 1 and _is_plain(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _is_plain(text: str) -> bool:
    return _json_or_text(text) == text and isinstance(_json_or_text(text), str)


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
