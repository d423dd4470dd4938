"""Pydantic's errors as faults with pointers; queries as faults with names."""

from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from django.http import QueryDict
from pydantic import BaseModel, ConfigDict, Field

from base.problems import InvalidInput
from base.queries import Moment, PageQuery, query_parameters, read_query
from base.validation import read_model


class Inner(BaseModel):
    number: Annotated[int, Field(ge=0)]


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    inner: list[Inner] = []
    name: str


class Query(PageQuery):
    status: list[str] = []
    after: Moment | None = None


def faults(call, *arguments):
    with pytest.raises(InvalidInput) as caught:
        call(*arguments)
    return {fault.path: fault.message for fault in caught.value.errors}


def test_a_model_that_fits_is_returned():
    assert read_model(Outer, {"name": "x", "inner": [{"number": 1}]}).inner[0].number == 1


def test_every_fault_has_its_pointer_and_a_sentence():
    found = faults(read_model, Outer, {"inner": [{"number": 1}, {"number": -1}, {}], "a/b": 1})
    assert set(found) == {"/inner/1/number", "/inner/2/number", "/name", "/a~1b"}
    assert found["/name"] == "This is required."
    assert all(message.endswith(".") for message in found.values())


@pytest.mark.parametrize("value", [None, [], "x", 5])
def test_what_is_no_object_is_told_so(value):
    assert faults(read_model, Outer, value) == {"": "Send a JSON object."}


def query(text):
    return read_query(Query, QueryDict(text))


def test_a_query_that_fits_is_returned():
    read = query("status=a&status=b&after=2023-05-15T12:30:00%2B02:00&limit=5")
    assert read.status == ["a", "b"]
    assert read.after == datetime(2023, 5, 15, 10, 30, tzinfo=UTC)
    assert read.limit == "5"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("after=x", "?after"),
        ("after=1&after=2", "?after"),
        ("status=%00", "?status"),
        ("other=1", "?other"),
        ("%00=1", "?\\x00"),
    ],
)
def test_a_bad_parameter_is_named(text, path):
    found = faults(query, text)
    assert list(found) in ([path], [path.replace("\\x00", "\x00")])


def test_a_name_of_any_length_gives_a_short_answer():
    (path,) = faults(query, "x" * 10_000 + "=1")
    assert len(path) < 100


def test_parameters_are_described():
    described: dict[str, Any] = {parameter.name: parameter.type for parameter in query_parameters(Query)}
    assert set(described) == {"limit", "cursor", "status", "after"}
    assert described["after"] == {"type": "string", "format": "date-time"}
    assert described["status"]["type"] == "array"
