"""Whoever waits can say why, in plain words."""

from datetime import timedelta

import pytest

from base import clock
from contexts import waiting
from contexts.engine import claims
from contexts.states import Status
from contexts.waiting import waiting_for, waiting_in_full
from tests.contexts.rows import MOMENT, make_context


@pytest.mark.parametrize(
    ("status", "fields", "expected"),
    [
        (Status.PENDING, {}, "a free worker"),
        (Status.PENDING, {"waiting_for": "its turn"}, "its turn"),
        (Status.PROCESSING, {}, None),
        (Status.PROCESSING, {"waiting_for": "a rate limit"}, "a rate limit"),
        (Status.RETRYING, {"next_retry_at": MOMENT}, "a free worker"),
        (Status.COMPLETED, {"waiting_for": "nothing"}, None),
        (Status.FAILED, {}, None),
    ],
)
def test_what_it_waits_for_is_told_in_plain_words(organization, status, fields, expected):
    assert waiting_for(make_context(organization, status, **fields)) == expected


def test_a_retry_to_come_names_its_time(organization):
    due = clock.now() + timedelta(minutes=1)
    context = make_context(organization, Status.RETRYING, next_retry_at=due)
    assert waiting_for(context) == f"its next try at {clock.to_iso(due)}"
    context.waiting_for = "a worker of its own"
    assert waiting_for(context) == "a worker of its own", "the engine knows better"


def test_retry_after_a_failure_says_which_and_why(organization):
    due = clock.now() + timedelta(minutes=1)
    error = {"component": "ai_generator", "type": "timeout", "message": "It did not answer."}
    context = make_context(organization, Status.RETRYING, next_retry_at=due, retry_count=2, error=error)
    assert waiting_for(context) == f"retry 2 of 3 at {clock.to_iso(due)}, after ai_generator failed (timeout)"


def test_without_a_worker_it_says_that_none_is_running(organization):
    for status in (Status.PENDING, Status.RETRYING):
        context = make_context(organization, status, next_retry_at=MOMENT)
        assert waiting_in_full(context) == "a worker: none is running"


def test_place_in_the_queue_is_told_and_counted_so_far_only(organization, monkeypatch):
    claims.worker_register()
    made = [make_context(organization, claim_order=place) for place in range(4)]
    words = [waiting_in_full(context) for context in made]
    assert words[:3] == ["a free worker", "its turn: 1 context is ahead", "its turn: 2 contexts are ahead"]
    monkeypatch.setattr(waiting, "MAX_COUNTED", 2)
    assert waiting_in_full(made[3]) == "its turn: more than 2 contexts are ahead"


def test_api_tells_it_of_one_context(api, organization):
    context = make_context(organization)
    assert api.get(f"/api/contexts/{context.pk}").json()["waiting_for"] == "a worker: none is running"
