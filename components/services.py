"""What others ask of components: is this pipeline valid, which pipeline is meant, make the component of a step."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q, QuerySet
from pydantic import ValidationError

from base.encryption import Unreadable
from base.prepared import Prepared
from base.problems import Fault, InvalidInput, pointer
from base.validation import as_schema_says, pydantic_faults
from components.configurations import (
    Named,
    known_names,
    named_component,
    named_components,
    settings_faults,
    staff_only_fields,
)
from components.contract import Component
from components.errors import PermanentError
from components.models import Pipeline
from components.pipeline import Plan, Step, clash_faults, parse_pipeline


def pipeline_plan(value: Any, *, from_client: bool) -> Plan:
    """Read a pipeline and check it against the components that exist; nothing is stored.

    Settings that only staff may give are refused in steps, whoever wrote them: steps are copied into contexts,
    where clients read them. They belong into a configured component.

    Args:
        from_client: the client wrote the steps; only decides what the fault says to do.

    Raises:
        InvalidInput: with a fault for every place, paths from the pipeline's root such as ``/1/config/temperature``.
    """
    plan = parse_pipeline(value)
    found = named_components(step.component for step in plan.steps)
    listed = known_names() if any(step.component not in found for step in plan.steps) else []
    faults = [fault for step in plan.steps for fault in _step_faults(step, found, value, listed, from_client)]
    faults = faults or list(clash_faults(plan, lambda step: _keys_written(step, found)))
    if faults:
        raise InvalidInput(faults)
    return plan


def _step_faults(
    step: Step, found: dict[str, Named], value: Any, listed: list[str], from_client: bool
) -> Iterator[Fault]:
    name_path = step.path if isinstance(_at(value, step.path), str) else f"{step.path}/component"
    named = found.get(step.component)
    if named is None:
        yield Fault(name_path, _unknown(step.component, listed))
        return
    refused = sorted(staff_only_fields(named.type.Config) & set(step.overrides))
    remedy = "take it out" if from_client else "set it in a configured component: clients can read a pipeline's steps"
    for name in refused:
        yield Fault(f"{step.path}{pointer('config', name)}", f"Only staff may set {name!r}; {remedy}.")
    if not refused:
        yield from settings_faults(named, step.overrides, step_path=step.path, name_path=name_path)


def _at(value: Any, path: str) -> Any:
    for part in path.split("/")[1:]:
        value = value[int(part)]
    return value


def _unknown(name: str, listed: list[str]) -> str:
    return f"There is no component {name!r}. There are: {', '.join(listed)}."


def _keys_written(step: Step, found: dict[str, Named]) -> frozenset[str]:
    named = found[step.component]
    return named.type.keys_written(as_schema_says(named.type.Config, named.merged(step.overrides)))


def component_build(step: Step) -> Component[Any]:
    """Make the component of a step with the settings that hold now, or held half a second ago.

    Raises:
        PermanentError: the component is gone, or its settings no longer fit; the message says what to correct.
    """
    named = named_component(step.component)
    if named is None:
        raise PermanentError(
            f"{_unknown(step.component, known_names())} It was removed or switched off after this context was "
            "submitted: bring it back and retry.",
            type="unknown_component",
        )
    try:
        return named.type(as_schema_says(named.type.Config, named.merged(step.overrides)))
    except Unreadable as exc:
        raise PermanentError(f"{named.row_id} cannot be used: {exc.detail}", type="invalid_config") from exc
    except ValidationError as exc:
        raise PermanentError(_bad_settings(named, exc), type="invalid_config") from exc


def _bad_settings(named: Named, exc: ValidationError) -> str:
    faults = "; ".join(f"{fault.path.lstrip('/')}: {fault.message}" for fault in pydantic_faults(exc)[:5])
    return f"The settings of {named.row_id or named.type.name} are not valid: {faults} Correct them and retry."


def pipelines_visible(organization_id: str | None) -> QuerySet[Pipeline]:
    """Return the active pipelines that an organization may use: its own and the shared ones; None sees all."""
    rows = Pipeline.objects.filter(is_active=True)
    if organization_id is None:
        return rows
    return rows.filter(Q(organization_id=organization_id) | Q(organization_id=None))


def _defaults(organization_id: str | None, type: str) -> QuerySet[Pipeline]:
    return pipelines_visible(organization_id).filter(is_default=True, context_type__in=[type, ""])


_named_pipeline = Prepared(lambda own, pipeline_id: pipelines_visible(own).filter(pk=pipeline_id))
_default_pipelines = Prepared(_defaults)


def pipeline_get(pipeline_id: str, organization_id: str | None) -> Pipeline | None:
    """Return a pipeline that the organization may use."""
    if organization_id is None:
        return pipelines_visible(None).filter(pk=pipeline_id).first()
    return _named_pipeline.find(organization_id, pipeline_id)


def pipeline_default(type: str, organization_id: str | None) -> Pipeline | None:
    """Return what a context of this type runs through when it names no pipeline.

    The organization's own beats a shared one; one for this type beats one for any; the oldest decides.
    """
    rows = (
        _defaults(organization_id, type) if organization_id is None else _default_pipelines.rows(organization_id, type)
    )
    return min(rows, key=lambda row: (row.organization_id is None, row.context_type == "", row.pk), default=None)
