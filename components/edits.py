"""What editors do to component settings and pipelines. Everything is checked before anything is stored."""

import re
from typing import Any

from pydantic import ValidationError

from base import clock
from base.encryption import Unreadable
from base.problems import Conflict, Fault, InvalidInput
from base.strict_json import faults_in
from base.validation import as_schema_says, pydantic_faults
from components.configurations import component_answers
from components.models import Component, Pipeline
from components.registry import component_types
from components.sealing import opened, sealed
from components.services import pipeline_plan
from components.usage import pipelines_naming

MAX_ID_LENGTH = 64


def id_check(chosen: str, *, prefix: str) -> str:
    """Return an id that a person chose.

    Raises:
        InvalidInput: it does not begin with the prefix, or holds other characters.
    """
    is_slug = re.fullmatch(rf"{re.escape(prefix)}[a-z0-9]+(_[a-z0-9]+)*", chosen) is not None
    if not is_slug or len(chosen) > MAX_ID_LENGTH:
        told = f"Begin with {prefix} and use lower-case letters, digits and single underscores, at most"
        raise InvalidInput([Fault("/id", f"{told} {MAX_ID_LENGTH} characters, such as {prefix}article_gpt4.")])
    return chosen


def settings_check(type_name: str, settings: dict[str, Any]) -> None:
    """Check the settings of a component; they are stored as they were given, without the defaults, secrets sealed.

    Raises:
        InvalidInput: with paths from the settings' root, such as ``/temperature``; ``/type`` for an unknown type.
    """
    found = component_types().get(type_name)
    if found is None:
        raise InvalidInput([Fault("/type", f"There is no component type {type_name!r}; install what brings it.")])
    if faults := faults_in(settings):
        raise InvalidInput(faults)
    try:
        as_schema_says(found.Config, opened(found.Config, settings))
    except Unreadable as exc:
        raise InvalidInput([Fault("", exc.detail)]) from exc
    except ValidationError as exc:
        raise InvalidInput(pydantic_faults(exc)) from exc


def component_save(row: Component, *, is_new: bool = False) -> Component:
    """Store a configured component. Contexts that are under way take the new settings at their next step.

    Raises:
        InvalidInput: the settings do not fit the type; nothing was stored.
    """
    settings_check(row.type, row.config)
    row.config = sealed(component_types()[row.type].Config, row.config)
    row.updated_at = clock.now()
    row.save(force_insert=is_new)
    component_answers.forget()
    return row


def component_delete(row: Component) -> None:
    """Remove a configured component.

    Raises:
        Conflict: a pipeline names it.
    """
    if used_by := pipelines_naming(row.pk):
        names = ", ".join(pipeline.name for pipeline in used_by)
        raise Conflict(f"{row.pk} is used by: {names}. Take it out there first, or switch it off.")
    row.delete()
    component_answers.forget()


def pipeline_check(row: Pipeline) -> None:
    """Check a pipeline.

    Raises:
        InvalidInput: with paths such as ``/steps/1/config/temperature`` and ``/is_default``.
    """
    if row.is_default and not row.is_active:
        raise InvalidInput([Fault("/is_default", "A pipeline that is switched off cannot be the default.")])
    try:
        if faults := faults_in(row.steps):
            raise InvalidInput(faults)
        pipeline_plan(row.steps, from_client=False)
    except InvalidInput as exc:
        raise InvalidInput([fault.under("/steps") for fault in exc.errors]) from exc


def pipeline_save(row: Pipeline, *, is_new: bool = False) -> Pipeline:
    """Store a pipeline; a new default takes the place of the former one of its type and organization.

    The former default is cleared last: a crash between leaves two, of which `pipeline_default` takes the oldest.

    Raises:
        InvalidInput: it would be refused when a context names it; nothing was stored.
    """
    pipeline_check(row)
    row.updated_at = clock.now()
    row.save(force_insert=is_new)
    if row.is_default:
        former = Pipeline.objects.filter(
            context_type=row.context_type, organization_id=row.organization_id, is_default=True
        ).exclude(pk=row.pk)
        former.update(is_default=False, updated_at=clock.now())
    return row
