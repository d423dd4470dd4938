"""Rows and their logs, told as events: no database is asked."""

from typing import Any

import pytest

from contexts.live.events import change_written, changes_of
from contexts.models import Context
from tests.contexts.rows import MOMENT, step_run

FAILURE = {"type": "rate_limited", "message": "Too many requests.", "retryable": True}


def entry(revision: int, status: str, attempt: int = 1, **more: Any) -> dict[str, Any]:
    return {"revision": revision, "at": "2023-05-15T10:31:00Z", "status": status, "attempt": attempt, **more}


def row(moves: list[dict[str, Any]], runs: list[dict[str, Any]], **fields: Any) -> Context:
    return Context(pk="ctx_1", moves=moves, step_runs=runs, updated_at=MOMENT, **fields)


def told(context: Context, after: int = 0) -> list[tuple[int, str, str]]:
    return [
        (change.revision, kind, data["step"]["key"] if kind == "step" else data["status"])
        for change in changes_of(context, after=after)
        for kind, data in change.events
    ]


@pytest.fixture
def retried() -> Context:
    """It failed at its second step, was retried from the start, and ended; one checkpoint was written twice."""
    moves = [
        entry(1, "pending", 0),
        entry(2, "processing"),
        entry(3, "processing", steps=1),
        entry(4, "failed", steps=3, error={"component": "ai_generator", **FAILURE}),
        entry(5, "retrying", reason="somebody set it going again"),
        entry(6, "processing", 2),
        entry(7, "processing", 2, steps=4),
        entry(8, "processing", 2, steps=4),
        entry(10, "completed", 2, steps=5),
    ]
    runs = [step_run(key) for key in ("template", "ai_generator", "ai_generator#2", "template", "ai_generator")]
    return row(moves, runs, status="completed", revision=10)


WHOLE = [
    (1, "status", "pending"),
    (2, "status", "processing"),
    (3, "step", "template"),
    (4, "step", "ai_generator"),
    (4, "step", "ai_generator#2"),
    (4, "status", "failed"),
    (5, "status", "retrying"),
    (6, "status", "processing"),
    (7, "step", "template"),
    (10, "step", "ai_generator"),
    (10, "status", "completed"),
]


def test_all_is_told_in_order_and_nothing_twice(retried):
    assert told(retried) == WHOLE


@pytest.mark.parametrize("revision", range(11))
def test_after_any_revision_exactly_the_rest_is_told(retried, revision):
    assert told(retried, after=revision) == [event for event in WHOLE if event[0] > revision]


def test_reasons_and_errors_are_told(retried):
    events = [data for change in changes_of(retried) for _, data in change.events]
    assert events[5]["error"]["component"] == "ai_generator"
    assert events[6]["reason"] == "somebody set it going again"


def test_only_the_last_event_of_a_revision_bears_its_id(retried):
    (change,) = [change for change in changes_of(retried) if change.revision == 4]
    blocks = change_written(change).split(b"\n\n")[:-1]
    assert [b"id: 4\n" in block for block in blocks] == [False, False, True]


def test_staff_s_part_of_a_run_is_not_told():
    runs = [step_run("template", traceback="secret", config={"key": "secret"}, replaced={"a": "secret"})]
    context = row([entry(1, "pending", 0), entry(2, "processing", steps=1)], runs)
    assert b"secret" not in b"".join(change_written(change) for change in changes_of(context))


def test_row_from_before_the_log_tells_how_it_stands():
    context = row([], [step_run("template")], status="failed", revision=7, attempts=1)
    assert told(context) == [(7, "status", "failed")]


def test_log_without_its_beginning_tells_what_it_has():
    moves = [entry(8, "processing", 2), entry(9, "processing", 2, steps=2), entry(10, "completed", 2, steps=3)]
    runs = [step_run(key) for key in ("template", "ai_generator", "transformer")]
    context = row(moves, runs, status="completed", revision=10)
    assert told(context) == [
        (8, "status", "processing"),
        (9, "step", "ai_generator"),
        (10, "step", "transformer"),
        (10, "status", "completed"),
    ]
