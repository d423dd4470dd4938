"""The picture of a context's way through time: what is a bar, what is a wait, and how long each is drawn."""

from datetime import timedelta
from typing import Any

import pytest

from base.clock import to_iso
from contexts.admin.waterfall import LINES_DRAWN, Waterfall, waterfall_of
from contexts.models import Context
from contexts.states import Status
from tests.contexts.rows import ERROR, MOMENT, step_run

RATE = {"component": "ai_generator", "type": "rate_limited", "message": "Too many.", "retryable": True}


def at(seconds: float) -> str:
    return to_iso(MOMENT + timedelta(seconds=seconds))


def run(key: str, begun: float, ended: float, outcome: str = "completed", attempt: int = 1) -> dict[str, Any]:
    error = {"error": RATE} if outcome == "failed" else {}
    took = round((ended - begun) * 1000)
    return step_run(key, outcome, attempt, started_at=at(begun), ended_at=at(ended), duration_ms=took, **error)


def move(status: Status, seconds: float, attempt: int, **facts: Any) -> dict[str, Any]:
    return {"status": status.value, "at": at(seconds), "attempt": attempt, "revision": 1, **facts}


def twice_tried() -> Context:
    """Waited 4 s, worked 3 s, waited an hour after an error, then worked 5 s."""
    return Context(
        created_at=MOMENT,
        status=Status.COMPLETED,
        step_runs=[
            run("template", 4, 5),
            run("ai_generator", 5, 7, "failed"),
            run("ai_generator", 3607, 3611, attempt=2),
            run("transformer", 3611, 3612, attempt=2),
        ],
        moves=[
            move(Status.PENDING, 0, 0),
            move(Status.PROCESSING, 4, 1),
            move(Status.PROCESSING, 5, 1, steps=1),
            move(Status.RETRYING, 7, 1, error=RATE),
            move(Status.PROCESSING, 3607, 2),
            move(Status.COMPLETED, 3612, 2),
        ],
    )


def drawn(context: Context, seconds: float = 4000) -> Waterfall:
    picture = waterfall_of(context, MOMENT + timedelta(seconds=seconds))
    assert picture is not None
    return picture


def bars(context: Context) -> list[tuple[int | None, list[tuple[str, str]]]]:
    return [(group.attempt, [(bar.name, bar.kind) for bar in group.bars]) for group in drawn(context).groups]


def test_attempts_and_the_waits_between_them_stand_in_their_order():
    assert bars(twice_tried()) == [
        (None, [("in the queue", "waiting")]),
        (1, [("template", "completed"), ("ai_generator", "failed")]),
        (None, [("waited", "waiting")]),
        (2, [("ai_generator", "completed"), ("transformer", "completed")]),
    ]


def test_work_that_was_lost_with_its_worker_is_a_line_of_its_own():
    context = Context(
        created_at=MOMENT,
        status=Status.COMPLETED,
        step_runs=[run("template", 1, 2), run("ai_generator", 10, 12, attempt=2)],
        moves=[
            move(Status.PENDING, 0, 0),
            move(Status.PROCESSING, 1, 1),
            move(Status.PENDING, 9, 1),
            move(Status.PROCESSING, 10, 2),
            move(Status.COMPLETED, 12, 2),
        ],
    )
    assert bars(context) == [
        (None, [("in the queue", "waiting")]),
        (1, [("template", "completed"), ("no result", "stopped")]),
        (None, [("in the queue", "waiting")]),
        (2, [("ai_generator", "completed")]),
    ]
    assert "At work for 7.0 s without a result" in drawn(context).groups[1].bars[1].said


def test_every_bar_says_in_words_what_it_shows():
    said = [bar.said for group in drawn(twice_tried()).groups for bar in group.bars]
    assert said[0] == "Waited 4.0 s in the queue"
    assert said[2] == "ai_generator, attempt 1: failed after 2.0 s: Rate limited"
    assert said[3] == "Waited 1 h 0 min for its next try, after ai_generator failed"
    assert drawn(twice_tried()).total == "1 h 0 min"


def test_work_is_drawn_to_scale_and_a_long_wait_is_cut():
    picture = drawn(twice_tried())
    _, first, wait, second = picture.groups
    template, failed = first.bars
    assert float(failed.width) == pytest.approx(2 * float(template.width), abs=0.02)
    assert float(second.bars[0].width) == pytest.approx(4 * float(template.width), abs=0.02)
    assert wait.bars[0].is_cut
    assert float(wait.bars[0].width) == pytest.approx(float(template.width), abs=0.02)  # an eighth of 8 s of work
    assert (float(second.bars[1].left) + float(second.bars[1].width)) == pytest.approx(100, abs=0.02)
    assert picture.is_cut


def test_bars_lead_to_the_run_that_they_show():
    numbers = [bar.run for group in drawn(twice_tried()).groups for bar in group.bars]
    assert numbers == [None, 1, 2, None, 3, 4]


def test_what_runs_now_is_a_bar_that_ends_now():
    context = twice_tried()
    context.status, context.moves, context.step_runs = Status.PROCESSING, context.moves[:5], context.step_runs[:2]
    picture = drawn(context, 3617)
    assert picture.groups[-1].attempt == 2
    assert picture.groups[-1].bars[-1].kind == "working"
    assert picture.groups[-1].bars[-1].said == "At work for 10.0 s"


def test_a_failed_context_stood_still_until_somebody_retried_it():
    context = twice_tried()
    context.moves[3:4] = [
        move(Status.FAILED, 7, 1, error=ERROR),
        move(Status.RETRYING, 3600, 1, act={"by": "user_1", "name": "Ada"}),
    ]
    assert bars(context)[2] == (None, [("stood still", "stopped"), ("waited", "waiting")])
    waits = drawn(context).groups[2].bars
    assert waits[0].said == "Stood still for 59 min 53 s, until it was retried"
    assert waits[1].said == "Waited 7.0 s for a worker"


def test_a_context_that_only_waits_has_a_picture_too():
    context = Context(created_at=MOMENT, status=Status.PENDING, moves=[move(Status.PENDING, 0, 0)])
    assert [(bar.name, bar.width) for bar in drawn(context, 60).groups[0].bars] == [("in the queue", "100.00")]
    assert waterfall_of(context, MOMENT) is None


def test_a_row_from_before_the_log_shows_its_runs_and_the_first_wait():
    context = twice_tried()
    context.moves, context.started_at = [], MOMENT + timedelta(seconds=4)
    assert [name for _, group in bars(context) for name, _ in group] == [
        "in the queue",
        "template",
        "ai_generator",
        "ai_generator",
        "transformer",
    ]


def test_of_a_long_history_the_last_lines_are_drawn():
    context = twice_tried()
    context.moves = []
    context.step_runs = [run("ai_generator", n, n + 1, "failed", n) for n in range(1, 100)]
    picture = drawn(context)
    assert sum(len(group.bars) for group in picture.groups) == LINES_DRAWN
    assert picture.left_out == 100 - LINES_DRAWN


def test_runs_in_parallel_lie_side_by_side():
    runs = [run("template", 0, 4), run("transformer", 0, 2)]
    context = Context(created_at=MOMENT, started_at=MOMENT, status=Status.COMPLETED, step_runs=runs)
    first, second = drawn(context).groups[0].bars
    assert (first.name, first.left, first.width) == ("transformer", "0.00", "50.00")
    assert (second.name, second.left, second.width) == ("template", "0.00", "100.00")
