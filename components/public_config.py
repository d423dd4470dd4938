"""The settings of the built-in components as clients see and give them, for the OpenAPI document.

What is taken is decided by each component's own ``Config``; a test holds these shapes against it.
"""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model
from pydantic.fields import FieldInfo

from base.sparse import may_be_absent
from components.configurations import staff_only_fields
from components.contract import Component, ComponentConfig
from components.registry import builtin_types


def _public(config: type[ComponentConfig]) -> type[BaseModel]:
    """Return the shape of the settings without those of staff; each may be absent."""
    hidden = staff_only_fields(config)
    fields: dict[str, Any] = {
        name: (field.annotation, _described(field)) for name, field in config.model_fields.items() if name not in hidden
    }
    return create_model(
        config.__name__, __config__=ConfigDict(extra="forbid"), __doc__=config.__doc__, __module__=__name__, **fields
    )


def _described(field: FieldInfo) -> FieldInfo:
    # in words: a generated client would send a default, and so win over the configured component's own setting
    shown = may_be_absent(field)
    if not field.is_required() and isinstance(field.default, bool | int | float | str) and field.default != "":
        shown.description = f"{field.description or ''} {_text(field.default)} without it.".strip()
    return shown


def _text(default: bool | int | float | str) -> str:
    return default if isinstance(default, str) else json.dumps(default)


def stands_alone(cls: type[Component[Any]]) -> bool:
    """Tell whether a step may name the type itself, since there is nothing that staff must set."""
    return not any(cls.Config.model_fields[name].is_required() for name in staff_only_fields(cls.Config))


BUILTIN_TYPES = builtin_types()
PUBLIC_CONFIGS = {cls.name: _public(cls.Config) for cls in BUILTIN_TYPES}


def kind_of(cls: type[Component[Any]]) -> str:
    """Return what the names of a component's schemas begin with, such as AiGenerator."""
    return cls.Config.__name__.removesuffix("Config")
