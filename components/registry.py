"""Which kinds of components there are: the built-in ones, those of installed packages, those that a setting names.

No database. A package adds its own through an entry point::

    [project.entry-points."draftline.components"]
    shout = "my_package.shout:Shout"
"""

from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from components.contract import Component, ComponentConfig

ENTRY_POINT_GROUP = "draftline.components"
BUILTIN = (
    "components.builtin.template.TemplateComponent",
    "components.builtin.ai_generator.AiGenerator",
    "components.builtin.transformer.Transformer",
    "components.builtin.media.MediaComponent",
    "components.builtin.http.HttpComponent",
)


def builtin_types() -> list[type[Component[Any]]]:
    """Return the classes that every installation has."""
    return [import_string(path) for path in BUILTIN]


@cache
def component_types() -> MappingProxyType[str, type[Component[Any]]]:
    """Return every component class by its name; read once per process.

    Raises:
        ImproperlyConfigured: a class is no component, or two carry one name.
    """
    classes = [*builtin_types(), *(import_string(path) for path in settings.COMPONENTS)]
    classes += [point.load() for point in entry_points(group=ENTRY_POINT_GROUP)]
    found: dict[str, type[Component[Any]]] = {}
    for cls in classes:
        _check(cls)
        if found.setdefault(cls.name, cls) is not cls:
            raise ImproperlyConfigured(f"Two components are named {cls.name!r}: {found[cls.name]} and {cls}.")
    return MappingProxyType(found)


def _check(cls: Any) -> None:
    if not (isinstance(cls, type) and issubclass(cls, Component)):
        raise ImproperlyConfigured(f"{cls!r} is no subclass of components.contract.Component.")
    if not getattr(cls, "name", "") or not issubclass(cls.Config, ComponentConfig):
        raise ImproperlyConfigured(f"{cls!r} needs a name and a Config that is a ComponentConfig.")
