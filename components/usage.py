"""Which pipelines use which components."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from components.models import Pipeline


def names_in(steps: Any) -> Iterator[str]:
    """Yield the component of every step, as a stored pipeline names it; what is no step is passed over."""
    if not isinstance(steps, list):
        return
    for step in steps:
        if isinstance(step, list):
            yield from names_in(step)
        elif isinstance(step, str):
            yield step
        elif isinstance(step, dict) and isinstance(step.get("component"), str):
            yield step["component"]


def pipelines_by_component(pipelines: QuerySet[Pipeline]) -> dict[str, list[Pipeline]]:
    """Return the pipelines that name each component, by their names."""
    found: dict[str, list[Pipeline]] = defaultdict(list)
    for pipeline in pipelines.order_by("name", "pk"):
        for name in set(names_in(pipeline.steps)):
            found[name].append(pipeline)
    return dict(found)


def pipelines_naming(name: str) -> list[Pipeline]:
    """Return every pipeline that names a component, the switched-off ones too."""
    return pipelines_by_component(Pipeline.objects.all()).get(name, [])
