"""Answers with only the keys that a client asks for: ``?fields=id,status``."""

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any, TypeVar

from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter
from pydantic import BaseModel, create_model
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from base.problems import Fault, InvalidInput
from base.queries import query_path

PARAMETER = "fields"
MAX_SHOWN = 50

Fields = frozenset[str] | None
ValueT = TypeVar("ValueT")


def fields_wanted(params: QueryDict, document: type[BaseModel]) -> Fields:
    """Return the top-level keys that the address asks for; None means all.

    Raises:
        InvalidInput: the document has no such key.
    """
    if PARAMETER not in params:
        return None
    sent = params.getlist(PARAMETER)
    if len(sent) > 1:
        raise InvalidInput([Fault(query_path(PARAMETER), "Send this parameter once, the keys with commas between.")])
    names = sent[0].split(",")
    unknown = [name for name in names if name not in document.model_fields]
    if unknown:
        shown = unknown[0][:MAX_SHOWN].encode("ascii", "backslashreplace").decode()
        known = ", ".join(document.model_fields)
        raise InvalidInput([Fault(query_path(PARAMETER), f"There is no key {shown!r} here; there are {known}.")])
    return frozenset(names)


def wants(fields: Fields, *keys: str) -> bool:
    """Tell whether any of the keys is asked for."""
    return fields is None or not fields.isdisjoint(keys)


def sparse(document: Mapping[str, ValueT], fields: Fields) -> dict[str, ValueT]:
    """Return the document with the keys that are asked for."""
    return {key: value for key, value in document.items() if fields is None or key in fields}


def unwanted(columns: Mapping[str, Iterable[str]], fields: Fields) -> list[str]:
    """Return the columns that no wanted key is read from; the database need not be asked for them.

    Args:
        columns: for each column the keys that are read from it.
    """
    return [column for column, keys in columns.items() if not wants(fields, *keys)]


def fields_parameter(document: type[BaseModel]) -> OpenApiParameter:
    """Return the parameter for the schema."""
    keys = {"type": "string", "enum": list(document.model_fields)}
    return OpenApiParameter(
        PARAMETER,
        type={"type": "array", "items": keys, "minItems": 1},
        style="form",
        explode=False,
        description="Answer with these keys only, such as `id,status`; without it with all.",
    )


def part_of(document: type[BaseModel]) -> type[BaseModel]:
    """Return the shape of a document of which a client asked for some keys: each may be absent."""
    fields: dict[str, Any] = {
        name: (field.annotation, may_be_absent(field)) for name, field in document.model_fields.items()
    }
    doc = f"What `fields` named of a {document.__name__}."
    return create_model(f"{document.__name__}Part", __doc__=doc, __module__=document.__module__, **fields)


def may_be_absent(field: FieldInfo) -> FieldInfo:
    """Return the field for a schema that neither demands it nor names a default."""
    loose = copy(field)
    loose.default, loose.default_factory = PydanticUndefined, str  # a factory keeps a default out of the schema
    return loose
