"""What has ended is counted once, however the work is cut, cut off, or done twice at the same time."""

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from base import clock
from contexts.models import Context, Outcome
from contexts.outcomes import counting, reading
from contexts.outcomes.counting import counted_until, outcomes_count, outcomes_prune
from contexts.outcomes.histogram import percentile
from contexts.services import context_retry
from contexts.states import Status
from contexts.sweep import sweep
from contexts.updates import RETRIED
from tests.contexts.outcomes.conftest import NOON, it_is
from tests.plans import assert_reads_an_index, plans_of
from users.models import Organization

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=5)
STATUSES = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


def the_day(**more: Any) -> Outcome:
    return Outcome.objects.get(span="day", **more)


def test_an_end_is_counted_in_its_hour_and_in_its_day(end):
    end()
    end(NOON + timedelta(hours=1), Status.FAILED)
    it_is(NOON + timedelta(hours=2))
    assert outcomes_count() == 2
    found = Outcome.objects.values_list("pk", "completed", "failed", "input_tokens", "output_tokens", "cost_usd")
    key = "org_test:article:tmpl_a"
    assert sorted(found) == [
        (f"day:20261124:{key}", 1, 1, 200, 40, 0.02),
        (f"hour:2026112412:{key}", 1, 0, 100, 20, 0.01),
        (f"hour:2026112413:{key}", 0, 1, 100, 20, 0.01),
    ]
    day = the_day()
    assert day.errors == [["ai_generator", "rate_limited", 1]]
    assert percentile({int(bucket): n for bucket, n in day.latencies.items()}, 50) == pytest.approx(10_000, rel=0.1)


def test_what_ended_just_now_waits_until_no_end_can_appear_before_it(end):
    end()
    it_is(NOON + timedelta(seconds=29))
    assert outcomes_count() == 0
    it_is(NOON + timedelta(seconds=31))
    assert outcomes_count() == 1
    assert counted_until() == pytest.approx(NOON + timedelta(seconds=1), abs=timedelta(seconds=1))
    assert outcomes_count() == 0


def test_a_context_that_ends_again_is_an_outcome_again_with_what_it_used_since(end):
    context = end(status=Status.FAILED, moves=[{"at": "2026-11-24T12:00:00Z", "status": "failed", "attempt": 1}])
    it_is(LATER)
    outcomes_count()
    context_retry(context.pk, organization_id=None)
    row = Context.objects.get(pk=context.pk)
    runs = [*row.step_runs, {**row.step_runs[0], "attempt": 2, "input_tokens": 7}]
    Context.objects.filter(pk=context.pk).update(
        status=Status.COMPLETED, next_retry_at=None, attempts=2, step_runs=runs, ended_at=LATER + timedelta(seconds=3)
    )
    it_is(LATER + timedelta(minutes=5))
    assert outcomes_count() == 1
    day = the_day()
    assert (day.completed, day.failed, day.input_tokens, day.output_tokens) == (1, 1, 107, 40)
    assert percentile({int(bucket): n for bucket, n in day.latencies.items()}, 95) == pytest.approx(3_000, rel=0.1)


def test_an_end_that_was_undone_before_it_was_counted_leaves_its_tokens_to_the_next():
    again = {"at": "2026-11-24T12:00:20Z", "status": "retrying", "attempt": 1, "reason": RETRIED}
    failed = {"at": "2026-11-24T12:00:00Z", "status": "failed", "attempt": 1}
    assert reading.last_life([failed, again]) is None
    earlier = [{**failed, "at": "2026-11-24T11:00:00Z"}, {**again, "at": "2026-11-24T11:30:00Z"}]
    last = reading.last_life([*earlier, failed, {**again, "attempt": 2}])
    assert last == reading.Again(NOON - timedelta(minutes=30), 1)


# --- once, whatever happens -----------------------------------------------------------------------------------
class Died(Exception):
    """The process is gone."""


def before_a_write(monkeypatch, happens: Callable[[], None]) -> None:
    """Let something happen before each write of the counting."""
    for name in ("insert", "write_soon"):
        real = getattr(counting, name)

        def write(wish: Any, real: Any = real) -> Any:
            happens()
            return real(wish)

        monkeypatch.setattr(counting, name, write)


@pytest.mark.parametrize("seed", range(3))
def test_every_end_is_counted_once_whatever_dies_and_whoever_counts_beside(end, organization, monkeypatch, seed):
    chance = random.Random(seed)
    other = Organization.objects.create(id="org_other", name="Other")
    busy = False

    def fate() -> None:
        nonlocal busy
        if chance.random() < 0.1:
            raise Died
        if not busy and chance.random() < 0.5:  # another machine takes a whole turn in between
            busy = True
            try:
                turn()
            finally:
                busy = False

    def turn() -> None:
        monkeypatch.setattr(reading, "CHUNK", chance.choice([1, 3, 100]))
        with suppress(Died):
            outcomes_count()

    before_a_write(monkeypatch, fate)
    now = NOON
    for _ in range(15):
        for _ in range(chance.randint(0, 9)):
            end(
                now - timedelta(milliseconds=chance.randint(0, 3)),
                chance.choice(STATUSES),
                owner=chance.choice([organization, other]),
                template_id=chance.choice(["tmpl_a", None]),
            )
        now += timedelta(minutes=chance.choice([0, 1, 1, 20]))
        it_is(now)
        turn()
    monkeypatch.undo()
    it_is(now + timedelta(minutes=5))
    outcomes_count()
    assert counted("day") == counted("hour") == truth()


def counted(span: str) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for row in Outcome.objects.filter(span=span):
        key = (row.organization_id, row.template_id)
        found += Counter({(*key, status.value): getattr(row, status) for status in STATUSES})
        found[(*key, "tokens")] += row.input_tokens + row.output_tokens
        found[(*key, "latencies")] += sum(row.latencies.values())
        found[(*key, "errors")] += sum(number for *_, number in row.errors)
    return +found


def truth() -> Counter[Any]:
    found: Counter[Any] = Counter()
    for row in Context.objects.all():
        key = (row.organization_id, row.template_id or "")
        found[(*key, row.status)] += 1
        found[(*key, "tokens")] += 120
        found[(*key, "latencies")] += row.status == Status.COMPLETED
        found[(*key, "errors")] += row.status == Status.FAILED
    return +found


def test_more_than_a_turn_can_count_is_counted_by_the_next_one(end, monkeypatch, caplog):
    for seconds in range(6):
        end(NOON + timedelta(seconds=seconds))
    it_is(LATER)
    monkeypatch.setattr(reading, "CHUNK", 2)
    monkeypatch.setattr(counting, "TURN_SECONDS", 0.0)
    looked_at = [outcomes_count() for _ in range(4)]
    assert looked_at == [2, 2, 2, 0]
    assert caplog.messages[0].startswith("outcomes_behind seconds=")
    assert the_day().completed == 6


def test_errors_of_endless_types_are_kept_together(end, monkeypatch):
    monkeypatch.setattr("contexts.outcomes.tally.ERRORS_KEPT", 2)
    for number in range(5):
        end(status=Status.FAILED, error_type=f"error_{number}")
    it_is(LATER)
    outcomes_count()
    assert sorted(number for *_, number in the_day().errors) == [1, 1, 3]


def test_the_sweep_counts(end):
    clock.follow_this_host()
    end(clock.now() - timedelta(minutes=2))
    sweep()
    assert the_day().completed == 1


def test_old_outcomes_are_removed(end):
    end()
    it_is(LATER)
    outcomes_count()
    it_is(NOON + timedelta(days=89))
    outcomes_prune()
    assert Outcome.objects.count() == 2
    it_is(NOON + timedelta(days=91))
    outcomes_prune()
    assert not Outcome.objects.exists()


def test_counting_reads_its_index(end):
    for status in (*STATUSES, *STATUSES):
        end(status=status)
    it_is(LATER)
    plans = plans_of(lambda: reading.ended_between(NOON - timedelta(days=1), clock.now()), "contexts")
    assert len(plans) == 3
    assert_reads_an_index(plans, "contexts_due (status=? AND next_retry_at=? AND ended_at>? AND ended_at<?")
    plans = plans_of(lambda: reading.border_after(NOON - timedelta(days=1), clock.now()), "contexts")
    assert len(plans) == 3
    assert_reads_an_index(plans, "contexts_due")
    outcomes_count()
    assert_reads_an_index(plans_of(outcomes_prune, "outcomes"), "outcomes_time")
