"""Undoing checkpoints, and merge patches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexts.rewind import keys_written_by, merge_patch, rewind


def run(key, wrote, replaced=None, outcome="completed"):
    entry = {"key": key, "outcome": outcome, "wrote": wrote}
    return entry | ({"replaced": replaced} if replaced else {})


def test_what_a_step_wrote_is_taken_out_and_what_it_replaced_put_back():
    data = {"title": "T", "a": 2, "b": 3}
    runs = [run("one", ["a"], {"a": 1}), run("two", ["b"])]
    assert rewind(data, runs, {"two"}) == {"title": "T", "a": 2}
    assert rewind(data, runs, {"one", "two"}) == {"title": "T", "a": 1}
    assert rewind(data, runs, set()) == data


def test_two_steps_that_wrote_the_same_key_are_undone_in_order():
    runs = [run("one", ["a"]), run("two", ["a"], {"a": 1})]
    assert rewind({"a": 2}, runs, {"two"}) == {"a": 1}
    assert rewind({"a": 2}, runs, {"one", "two"}) == {}


def test_only_the_last_finished_run_counts():
    runs = [run("one", ["old"]), run("one", [], outcome="failed"), run("one", ["a"])]
    assert rewind({"a": 1, "old": 0}, runs, {"one"}) == {"old": 0}


def test_the_given_data_is_left_alone():
    data = {"a": 1}
    rewind(data, [run("one", ["a"])], {"one"})
    assert data == {"a": 1}


def test_keys_are_known_by_the_step_that_wrote_them():
    runs = [run("one", ["a"]), run("two", ["b"], outcome="failed"), run("three", ["c"])]
    assert keys_written_by(runs, {"one", "two"}) == {"a": "one"}


# Source: https://www.rfc-editor.org/rfc/rfc7396#appendix-A
@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_the_standard_says(target, patch, expected):
    assert merge_patch(target, patch) == expected


@given(st.dictionaries(st.text(), st.integers() | st.text()), st.dictionaries(st.text(), st.none() | st.integers()))
def test_a_merge_patch_twice_is_a_merge_patch_once(target, patch):
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once


def test_keys_of_an_earlier_run_that_was_taken_back_are_nobodys():
    runs = [
        {"key": "http", "outcome": "completed", "wrote": ["template"]},
        {"key": "http", "outcome": "completed", "wrote": ["answer"]},
    ]
    assert keys_written_by(runs, {"http"}) == {"answer": "http"}
