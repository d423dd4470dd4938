"""JSON that both databases can hold."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.problems import InvalidInput
from base.strict_json import MAX_FAULTS, faults_in, is_storable, parse_json, size_in_bytes

STORABLE: list[Any] = [
    None,
    True,
    0,
    2**63 - 1,
    -(2**63),
    0.5,
    -1e308,
    "",
    "é😀",
    "\x01",
    [],
    {},
    {"": [{"a": "b"}]},
]
NOT_STORABLE: list[Any] = [
    2**63,
    -(2**63) - 1,
    float("nan"),
    float("inf"),
    "\x00",
    "\ud800",
    {"\x00": 1},
    {"\udc00": 1},
    {1: 2},
    (1,),
    {"a": [{"b": b"bytes"}]},
]


@pytest.mark.parametrize("value", STORABLE)
def test_what_can_be_stored_has_no_faults(value):
    assert is_storable(value)
    assert faults_in(value) == []


@pytest.mark.parametrize("value", NOT_STORABLE)
def test_what_cannot_be_stored_has_one_fault(value):
    assert not is_storable(value)
    assert len(faults_in(value)) == 1


def test_a_fault_is_named_by_its_pointer():
    value = {"a/b": [0, {"c~d": "\x00"}]}
    assert [fault.path for fault in faults_in(value, "/data")] == ["/data/a~1b/1/c~0d"]


@pytest.mark.parametrize(("levels", "fits"), [(64, True), (65, False)])
def test_nesting_ends_at_64_levels(levels, fits):
    value = json.loads("[" * (levels + 1) + "]" * (levels + 1))
    assert is_storable(value) == fits
    assert (faults_in(value) == []) == fits


def test_the_list_of_faults_is_bounded():
    assert len(faults_in(["\x00"] * 1000)) == MAX_FAULTS


def test_faults_can_be_written_as_utf8():
    found = faults_in({"\ud800": {"x\udfff": "\ud800"}})
    assert len(found) == 3
    for fault in found:
        (fault.path + fault.message).encode()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not valid JSON"),
        (b"\xff", "not UTF-8 (byte 0)"),
        (b"{", "line 1, column 2"),
        (b"[NaN]", "NaN"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"a": 1} x', "column 10"),
    ],
)
def test_a_body_that_is_no_json_says_why(body, message):
    with pytest.raises(InvalidInput, match=r".") as caught:
        parse_json(body)
    assert message in caught.value.detail


@pytest.mark.parametrize("digits", [20, 21, 4300, 5000, 1_000_000])
@pytest.mark.parametrize("sign", [b"", b"-"])
def test_a_long_integer_is_a_fault_at_its_place(digits, sign):
    with pytest.raises(InvalidInput) as caught:
        parse_json(b'{"a": [1, ' + sign + b"9" * digits + b"]}")
    assert [fault.path for fault in caught.value.errors] == ["/a/1"]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=20))
def test_the_quick_look_and_the_walk_agree(value):
    assert is_storable(value) == (faults_in(value) == [])


@given(st.binary())
def test_no_body_breaks_the_reader(body):
    with suppress(InvalidInput):
        assert is_storable(parse_json(body))


def test_sizes_are_those_of_compact_utf8():
    assert size_in_bytes({"é": [1, "x"]}) == len('{"é":[1,"x"]}'.encode())
