"""What a submitted pipeline means: steps with unique keys, in stages that run one after another. Pure.

A step is a component's name, or ``{"component", "config", "when", "on_error"}``, or a list of those, which run
in parallel. Paths in faults are JSON pointers from the pipeline's own root: ``/0``, ``/1/config``.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from base.problems import Fault, InvalidInput
from components.conditions import ConditionError, condition_holds, condition_problem
from components.errors import PermanentError

MAX_STEPS = 50
MAX_NAME_LENGTH = 64
ON_ERROR = ("fail", "skip")
STEP_KEYS = ("component", "config", "when", "on_error")


@dataclass(frozen=True)
class Step:
    """One place in a pipeline.

    Args:
        key: unique in its pipeline: the component's name, then ``name#2``.
        path: where it stands in the submitted list.
        overrides: settings that win over the component's own.
        when: a JMESPath over ``{data, type, metadata}``; the step is skipped where it is not true.
        on_error: ``skip`` goes on without the step's result when it has failed for good.
    """

    key: str
    component: str
    path: str = ""
    overrides: dict[str, Any] = field(default_factory=dict)
    when: str | None = None
    on_error: str = "fail"

    def is_wanted(self, view: dict[str, Any]) -> bool:
        """Tell whether ``when`` holds for ``{data, type, metadata}``.

        Raises:
            PermanentError: it cannot be decided for this data.
        """
        try:
            return self.when is None or condition_holds(self.when, view)
        except ConditionError as exc:
            message = f"The condition 'when' of {self.key} cannot be decided: {exc}."
            raise PermanentError(message, type="invalid_data") from exc


Stage = tuple[Step, ...]


@dataclass(frozen=True)
class Plan:
    """A parsed pipeline: stages in order; the steps of one stage run in parallel."""

    stages: tuple[Stage, ...]

    @property
    def steps(self) -> list[Step]:
        return [step for stage in self.stages for step in stage]

    @property
    def keys(self) -> list[str]:
        return [step.key for step in self.steps]

    def keys_from(self, key: str) -> list[str]:
        """Return ``key``, its parallel neighbours' later stages, and every step after: what running again redoes.

        A neighbour in the same stage does not depend on the step, so it is kept.

        Raises:
            KeyError: there is no such step.
        """
        for index, stage in enumerate(self.stages):
            if any(step.key == key for step in stage):
                later = [step.key for after in self.stages[index + 1 :] for step in after]
                return [key, *later]
        raise KeyError(key)


def parse_pipeline(value: Any) -> Plan:
    """Read a pipeline's steps; says nothing about whether the components exist.

    Raises:
        InvalidInput: with the path of each fault.
    """
    if not isinstance(value, list):
        raise InvalidInput([Fault("", "A pipeline is a list of steps.")])
    if not value:
        raise InvalidInput([Fault("", "The pipeline is empty; name at least one component.")])
    count = sum(len(item) if isinstance(item, list) else 1 for item in value)
    if count > MAX_STEPS:
        raise InvalidInput([Fault("", f"The pipeline has {count} steps; at most {MAX_STEPS}.")])
    reader = _Reader()
    stages = tuple(reader.stage(item, f"/{index}") for index, item in enumerate(value))
    if reader.faults:
        raise InvalidInput(reader.faults)
    return Plan(stages)


def plan_of(steps: list[Any]) -> Plan:
    """Read a stored pipeline, as `parse_pipeline`; contexts with the same steps share one plan."""
    return _plan(orjson.dumps(steps))


@lru_cache(maxsize=256)
def _plan(steps: bytes) -> Plan:
    return parse_pipeline(orjson.loads(steps))


class _Reader:
    """Reads steps one by one, counts names and collects faults."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._seen: Counter[str] = Counter()

    def stage(self, item: Any, path: str) -> Stage:
        if not isinstance(item, list):
            return tuple(self._step(item, path))
        if not item:
            self.faults.append(Fault(path, "A parallel group needs at least one step."))
        return tuple(step for index, inner in enumerate(item) for step in self._step(inner, f"{path}/{index}"))

    def _step(self, item: Any, path: str) -> Iterator[Step]:
        if isinstance(item, str):
            item = {"component": item}
        if not isinstance(item, dict):
            self.faults.append(Fault(path, "A step is a component's name or an object with 'component'."))
            return
        faults = list(_step_faults(item, path))
        self.faults.extend(faults)
        if not faults:
            yield self._named(item, path)

    def _named(self, item: dict[str, Any], path: str) -> Step:
        name = item["component"]
        self._seen[name] += 1
        count = self._seen[name]
        return Step(
            key=name if count == 1 else f"{name}#{count}",
            component=name,
            path=path,
            overrides=item.get("config") or {},
            when=item.get("when"),
            on_error=item.get("on_error", "fail"),
        )


def _step_faults(item: dict[str, Any], path: str) -> Iterator[Fault]:
    for key in item:
        if key not in STEP_KEYS:
            yield Fault(f"{path}/{key}", f"A step has no {key!r}; it has {', '.join(STEP_KEYS)}.")
    name = item.get("component")
    if not isinstance(name, str) or not name:
        yield Fault(f"{path}/component", "Name the component as a string.")
    elif "#" in name or len(name) > MAX_NAME_LENGTH:
        yield Fault(f"{path}/component", f"A component's name has at most {MAX_NAME_LENGTH} characters and no '#'.")
    if not isinstance(item.get("config"), dict | None):
        yield Fault(f"{path}/config", "The settings of a step are an object.")
    if item.get("on_error", "fail") not in ON_ERROR:
        yield Fault(f"{path}/on_error", "on_error is 'fail' or 'skip'.")
    yield from _when_faults(item.get("when"), f"{path}/when")


def _when_faults(when: Any, path: str) -> Iterator[Fault]:
    if when is None:
        return
    if not isinstance(when, str):
        yield Fault(path, "'when' is a JMESPath expression, as a string.")
    elif problem := condition_problem(when):
        yield Fault(path, f"'when' is not a JMESPath expression: {problem}")


def clash_faults(plan: Plan, keys_written: Callable[[Step], frozenset[str]]) -> Iterator[Fault]:
    """Yield a fault for every step of a parallel group that writes what an earlier neighbour writes."""
    for stage in plan.stages:
        owner: dict[str, Step] = {}
        for step in stage:
            for key in sorted(keys_written(step)):
                if key in owner:
                    yield Fault(
                        step.path,
                        f"{step.key} and {owner[key].key} run in parallel and would both write {key!r}; "
                        "put them one after the other.",
                    )
                owner.setdefault(key, step)
