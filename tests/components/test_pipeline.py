"""What a submitted pipeline means, without a database."""

import pytest

from base.problems import InvalidInput
from components.errors import PermanentError
from components.pipeline import MAX_STEPS, clash_faults, parse_pipeline


def faults(value) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        parse_pipeline(value)
    return {fault.path: fault.message for fault in caught.value.errors}


def test_steps_get_unique_keys_and_paths():
    plan = parse_pipeline(["a", ["b", {"component": "a"}], "a"])
    assert plan.keys == ["a", "b", "a#2", "a#3"]
    assert [step.path for step in plan.steps] == ["/0", "/1/0", "/1/1", "/2"]
    assert [len(stage) for stage in plan.stages] == [1, 2, 1]


@pytest.mark.parametrize("value", [None, {}, "template", 7])
def test_pipeline_that_is_no_list_is_refused(value):
    assert "list of steps" in faults(value)[""]


def test_empty_pipeline_is_refused():
    assert "empty" in faults([])[""]


def test_more_than_fifty_steps_are_refused():
    assert len(parse_pipeline(["a"] * MAX_STEPS).steps) == MAX_STEPS
    assert "51 steps" in faults(["a"] * 51)[""]
    assert "52 steps" in faults([["a"] * 26, ["b"] * 26])[""]


@pytest.mark.parametrize(
    ("step", "path"),
    [
        (7, "/1"),
        (None, "/1"),
        ([], "/1"),
        ([["a"]], "/1/0"),
        ("", "/1/component"),
        ({}, "/1/component"),
        ({"component": 7}, "/1/component"),
        ({"component": "a#2"}, "/1/component"),
        ({"component": "a" * 65}, "/1/component"),
        ({"component": "a", "retries": 3}, "/1/retries"),
        ({"component": "a", "config": []}, "/1/config"),
        ({"component": "a", "config": "x"}, "/1/config"),
        ({"component": "a", "on_error": "stop"}, "/1/on_error"),
        ({"component": "a", "when": 7}, "/1/when"),
        ({"component": "a", "when": "data.["}, "/1/when"),
        ({"component": "a", "when": ""}, "/1/when"),
        ({"component": "a", "when": "nothing(data)"}, "/1/when"),
        ({"component": "a", "when": "type == 'x' && length(data, type)"}, "/1/when"),
        ([{"component": "a", "when": "data["}], "/1/0/when"),
    ],
)
def test_fault_names_the_place(step, path):
    assert list(faults(["a", step])) == [path]


def test_every_fault_is_named_at_once():
    assert set(faults([{"component": ""}, {"component": "a", "x": 1}, 3])) == {"/0/component", "/1/x", "/2"}


@pytest.mark.parametrize(
    ("when", "wanted"),
    [
        (None, True),
        ("data.keywords", True),
        ("data.empty", False),
        ("data.nothing", False),
        ("data.zero", True),
        ("type == 'article'", True),
        ("type == 'mail'", False),
        ("length(data.keywords) > `1`", True),
        ("metadata.draft", False),
        ("data.title && !(metadata.draft)", True),
    ],
)
def test_when_decides_whether_a_step_runs(when, wanted):
    step = parse_pipeline([{"component": "a", "when": when}]).steps[0]
    view = {
        "data": {"keywords": ["x", "y"], "empty": [], "zero": 0, "title": "T"},
        "type": "article",
        "metadata": {"draft": False},
    }
    assert step.is_wanted(view) is wanted


def test_when_that_does_not_fit_the_data_says_so():
    step = parse_pipeline([{"component": "a", "when": "length(data.number) > `1`"}]).steps[0]
    with pytest.raises(PermanentError, match=r"when.*length\(\) cannot take a value of type number"):
        step.is_wanted({"data": {"number": 7}, "type": "article", "metadata": {}})


def test_parallel_steps_that_write_one_key_clash():
    plan = parse_pipeline([["a", "b", "c"], "a"])
    keys = {"a": frozenset({"x"}), "b": frozenset({"y"}), "c": frozenset({"x", "z"})}
    found = list(clash_faults(plan, lambda step: keys[step.component]))
    assert [fault.path for fault in found] == ["/0/2"]
    assert "'x'" in found[0].message


def test_keys_from_a_step_leave_its_neighbours_out():
    plan = parse_pipeline(["a", ["b", "c"], "d"])
    assert plan.keys_from("b") == ["b", "d"]
    with pytest.raises(KeyError):
        plan.keys_from("x")
