"""The shapes of a pipeline's steps, for the OpenAPI document. What is taken is decided by components/pipeline.py.

A step of a built-in component names its settings. Those of any other are open: of a configured component only the
database knows the type, and a schema that changed with the installed packages would fit no client but its own.
"""

from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, create_model

from components.conditions import MAX_LENGTH
from components.contract import Component
from components.pipeline import MAX_NAME_LENGTH, MAX_STEPS
from components.public_config import BUILTIN_TYPES, PUBLIC_CONFIGS, kind_of, stands_alone

NAME: dict[str, Any] = {"min_length": 1, "max_length": MAX_NAME_LENGTH, "pattern": "^[^#]+$"}
# a step that names one of these is of no use: staff must have set something
NEVER_ALONE = [cls.name for cls in BUILTIN_TYPES if not stands_alone(cls)]

Condition = Annotated[str, Field(max_length=MAX_LENGTH)]
When = Annotated[
    Condition | None,
    Field(description="A JMESPath over {data, type, metadata}; where it is not true, the step is skipped."),
]
OnError = Annotated[Literal["fail", "skip"], Field(description="skip: go on without its result.")]


def _step_of(cls: type[Component[Any]]) -> type[BaseModel]:
    """Return the shape of a step that names a built-in component."""
    config: Any = Field(default_factory=dict, description="Settings that win over the defaults.")
    fields: dict[str, Any] = {
        "component": Literal[cls.name],
        "config": (PUBLIC_CONFIGS[cls.name] | None, config),
        "when": (When, None),
        "on_error": (OnError, "fail"),
    }
    return create_model(
        f"{kind_of(cls)}Step",
        __config__=ConfigDict(extra="forbid"),
        __doc__=f"A step that runs {cls.name}. {cls.description}",
        __module__=__name__,
        **fields,
    )


_BUILTIN_STEPS: Any = reduce(or_, [_step_of(cls) for cls in BUILTIN_TYPES if stands_alone(cls)])


class BuiltinStep(RootModel[Annotated[_BUILTIN_STEPS, Field(discriminator="component")]]):
    """A step that runs a component which every installation has."""


class CustomStep(BaseModel):
    """A step that runs a configured component, named by its id, or one that came with a package."""

    model_config = ConfigDict(extra="forbid")

    component: str = Field(**NAME, json_schema_extra={"not": {"enum": [cls.name for cls in BUILTIN_TYPES]}})
    config: dict[str, Any] | None = Field(
        default_factory=dict, description="Settings of its type; GET /api/components tells them. They win over its own."
    )
    when: When = None
    on_error: OnError = "fail"


ComponentName = Annotated[
    str,
    Field(
        **NAME,
        description="A component's type, or the id of a configured one.",
        json_schema_extra={"not": {"enum": NEVER_ALONE}},
    ),
]


class Step(RootModel[ComponentName | BuiltinStep | CustomStep]):
    """A component's name, or a component with settings of its own, a condition, or leave to fail."""


Group = Annotated[list[Step], Field(min_length=1, max_length=MAX_STEPS)]
Steps = Annotated[
    list[Annotated[Step | Group, Field(description="A step, or steps that run in parallel.")]],
    Field(min_length=1, max_length=MAX_STEPS),
]
