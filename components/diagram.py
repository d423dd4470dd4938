"""A pipeline as a picture: stages one after another, the steps of a stage beside each other. Pure.

It draws whatever is stored, also what could not be run any more: a package's update may have made it invalid.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Node:
    """A step in the picture.

    Args:
        name: what people call the component.
        component: what the step names; empty where that is its name too.
        notes: what is special about the step.
    """

    name: str
    component: str
    notes: tuple[str, ...]

    @property
    def is_conditional(self) -> bool:
        return any(note.startswith("only when") for note in self.notes)


Stages = list[list[Node]]


def diagram_of(steps: Any, names: Mapping[str, str]) -> Stages:
    """Return the stages of stored steps.

    Args:
        names: of configured components, by their ids.
    """
    stages = steps if isinstance(steps, list) else []
    return [[_node(item, names) for item in (stage if isinstance(stage, list) else [stage])] for stage in stages]


def _node(item: Any, names: Mapping[str, str]) -> Node:
    step = item if isinstance(item, dict) else {"component": item}
    component = str(step.get("component") or "?")
    name = names.get(component, component)
    own = step.get("config")
    notes = step_notes(
        own=own if isinstance(own, dict) else {}, when=step.get("when"), may_fail=step.get("on_error") == "skip"
    )
    return Node(name, component if name != component else "", tuple(notes))


def step_notes(*, own: Mapping[str, Any], when: str | None, may_fail: bool) -> Iterator[str]:
    """Yield what is special about a step, in a person's words."""
    if own:
        yield f"own {', '.join(own)}"
    if when:
        yield f"only when {when}"
    if may_fail:
        yield "may fail"
