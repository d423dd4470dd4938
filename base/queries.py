"""Reads the query of an address with pydantic; the fault of a parameter is at ``?name``."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar, get_origin

from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from base.problems import Fault, InvalidInput
from base.validation import read_model

QueryT = TypeVar("QueryT", bound=BaseModel)


def query_path(name: str) -> str:
    """Return where a query's parameter stands, for a fault."""
    return f"?{name}"


def _read_moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as exc:
        raise ValueError("Write a time such as 2023-05-15T10:30:00Z, a '+' in it as %2B") from exc


Moment = Annotated[
    datetime,
    BeforeValidator(_read_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation"),
]


class PageQuery(BaseModel):
    """What every list takes: how much, and from where on. `base.pagination.NewestFirst` reads these two."""

    limit: Annotated[
        str | None,
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 200}),
        Field(description="Rows on a page; 25 without it."),
    ] = None
    cursor: Annotated[str | None, Field(description="Where the page starts; it stands in 'next' and 'previous'.")] = (
        None
    )


def read_query(model: type[QueryT], params: QueryDict, *, besides: Collection[str] = ()) -> QueryT:
    """Return the parameters as ``model``; a field that is a list takes a parameter again and again.

    Args:
        besides: parameters that somebody else reads.

    Raises:
        InvalidInput: an unknown parameter, one that is there twice, or a value that does not fit.
    """
    names = [name for name in params if name not in besides]
    faults = [fault for name in names for fault in _shape_faults(model, name, params.getlist(name))]
    if faults:
        raise InvalidInput(faults)
    values = {name: params.getlist(name) if _is_list(model, name) else params[name] for name in names}
    try:
        return read_model(model, values)
    except InvalidInput as exc:
        raise InvalidInput([Fault(query_path(_name_in(fault.path)), fault.message) for fault in exc.errors]) from exc


def _name_in(path: str) -> str:
    return path.split("/")[1] if path else ""


def _shape_faults(model: type[BaseModel], name: str, values: list[str]) -> Iterator[Fault]:
    if name not in model.model_fields:
        known = ", ".join(model.model_fields)
        shown = name[:50].encode("ascii", "backslashreplace").decode()
        yield Fault(query_path(shown), f"There is no such parameter here; there are {known}.")
    elif any("\x00" in value for value in values):
        yield Fault(query_path(name), "The text holds a NUL character.")
    elif len(values) > 1 and not _is_list(model, name):
        yield Fault(query_path(name), "Send this parameter once.")


def _is_list(model: type[BaseModel], name: str) -> bool:
    return get_origin(model.model_fields[name].annotation) is list


def query_parameters(model: type[BaseModel]) -> list[OpenApiParameter]:
    """Return the parameters for the OpenAPI document."""
    properties: dict[str, dict[str, Any]] = model.model_json_schema()["properties"]
    return [
        OpenApiParameter(name, type=_plain(schema), description=schema.get("description", ""), required=False)
        for name, schema in properties.items()
    ]


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter that is there: without null, title and default."""
    kept = {key: value for key, value in schema.items() if key not in ("title", "default", "description")}
    arms = [arm for arm in kept.pop("anyOf", []) if arm.get("type") != "null"]
    return kept | (arms[0] if arms else {})
