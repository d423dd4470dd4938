"""Shows settings and steps to those who may not change them, and in lists."""

from collections.abc import Mapping
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from components.lines import settings_text, value_text
from components.models import Component
from components.registry import component_types
from components.schema import masked, settings_of

NOT_SHOWN = "Only staff of Draftline see: {}."


def settings_table(row: Component, *, for_staff: bool) -> SafeString | str:
    """Return the settings of a row as lines, without what is secret.

    Args:
        for_staff: whether staff of Draftline look. Others, as in the API, do not see where a service is, or a price.
    """
    found = component_types().get(row.type)
    known = settings_of(found.Config) if found else {}
    if not row.config:
        return "None: the component's own defaults hold."
    lines, hidden = [], []
    for name, value in row.config.items():
        setting = known.get(name)
        if not for_staff and (setting is None or setting.is_staff_only):
            hidden.append(setting.label if setting else name)
            continue
        # of a type that is not installed nobody can say what is secret
        is_secret = setting is None or setting.is_secret
        shown = settings_text(masked(value)).replace("\n", ", ") if isinstance(value, Mapping) else str(masked(value))
        lines.append((setting.label if setting else name, shown if is_secret else value_text(value)))
    shown = format_html_join("", "<div><strong>{}</strong>: {}</div>", lines)
    return shown + format_html("<div>{}</div>", NOT_SHOWN.format(", ".join(hidden))) if hidden else shown


def chain(steps: Any) -> SafeString:
    """Return steps as a line that reads like the way of a context: template, then the writer, ..."""
    parts = steps if isinstance(steps, list) else []
    return format_html_join(" → ", "{}", ((_stage(part),) for part in parts))


def _stage(part: Any) -> str:
    if isinstance(part, list):
        return f"({' + '.join(_stage(inner) for inner in part)})"
    if not isinstance(part, dict):
        return str(part)
    notes = [
        *(["own settings"] if part.get("config") else []),
        *([f"when {part['when']}"] if part.get("when") else []),
        *(["may fail"] if part.get("on_error") == "skip" else []),
    ]
    name = str(part.get("component", "?"))
    return f"{name} [{', '.join(notes)}]" if notes else name
