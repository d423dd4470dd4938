"""The one shape of an error."""

import pytest

from base.problems import MAX_FAULTS, Fault, InvalidInput, NotFound, Problem, pointer


@pytest.mark.parametrize(
    ("parts", "expected"),
    [((), ""), (("a", 0), "/a/0"), (("a/b", "c~d"), "/a~1b/c~0d"), (("~1",), "/~01"), (("",), "/")],
)
def test_a_pointer_is_escaped(parts, expected):
    assert pointer(*parts) == expected


def test_every_problem_has_a_status_a_type_and_a_title():
    kinds = Problem.__subclasses__()
    assert len({kind.type for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert 400 <= kind.status < 600
        assert kind.title != Problem.title


def test_a_problem_is_written_as_rfc_9457_has_it():
    assert NotFound("There is no x.").document() == {
        "type": "/problems/not-found",
        "title": "There is no such thing here",
        "status": 404,
        "detail": "There is no x.",
        "errors": [],
    }


def test_the_detail_names_the_first_fault_and_counts_the_rest():
    faults = [Fault("/a", "Is bad."), Fault("/b", "Is worse.")]
    assert InvalidInput(faults).detail == "/a: Is bad. (and 1 more)"
    assert InvalidInput([Fault("", "Is bad.")]).detail == "Is bad."


def test_the_faults_of_an_answer_are_bounded():
    problem = InvalidInput(Fault(f"/{number}", "Is bad.") for number in range(MAX_FAULTS + 5))
    assert len(problem.errors) == MAX_FAULTS
    assert "10004 more" in problem.detail


def test_a_fault_is_seen_from_further_out():
    assert Fault("/0", "x").under("/pipeline") == Fault("/pipeline/0", "x")
