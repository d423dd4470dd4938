"""One number orders the claims: by priority, fair between organizations, without end for nobody."""

from datetime import UTC, datetime, timedelta

import pytest

from contexts.batches import MAX_CONTEXTS
from contexts.claim_order import DEFAULT_PRIORITY, Lines, serving_place
from contexts.models import Context
from contexts.states import Status

MOMENT = datetime(2023, 5, 15, 10, 30, tzinfo=UTC)


class Waiting:
    """The queue, without a database: whoever has the lowest number is served."""

    def __init__(self) -> None:
        self.rows: list[Context] = []
        self.now = 0.0
        self.lines = Lines(self._first, lambda: self.now)

    def _first(self) -> int | None:
        if not self.rows:
            return None
        first = min(self.rows, key=lambda row: row.claim_order)
        return first.claim_order - (first.priority - DEFAULT_PRIORITY) * 12_000

    def submit(self, organization: str, number: int = 1, priority: int = 50) -> list[Context]:
        moment = MOMENT + timedelta(seconds=self.now)
        made = [Context(organization_id=organization, priority=priority, created_at=moment) for _ in range(number)]
        self.lines.join(made)
        self.rows += made
        return made

    def serve(self, number: int, seconds: float = 0.0) -> list[str]:
        """Serve so many, that long; return whose they were."""
        self.now += seconds
        self.rows.sort(key=lambda row: row.claim_order)
        served, self.rows = self.rows[:number], self.rows[number:]
        return [row.organization_id for row in served]


@pytest.fixture
def queue() -> Waiting:
    return Waiting()


@pytest.mark.parametrize("seconds", [0.1, 10.0, 3600.0])
def test_large_bulk_of_one_makes_no_single_context_of_another_wait(queue, seconds):
    """Whether it is served fast or slowly."""
    queue.submit("large", MAX_CONTEXTS)
    queue.serve(100, seconds)
    queue.submit("small")
    assert "small" in queue.serve(25)


def test_many_single_submissions_are_a_backlog_as_a_bulk_is(queue):
    for _ in range(1000):
        queue.submit("large")
    queue.serve(10, 5.0)
    queue.submit("small")
    assert "small" in queue.serve(3)


def test_two_backlogs_alternate(queue):
    queue.submit("first", 1000)
    queue.serve(100, 30.0)
    queue.submit("second", 1000)
    served = queue.serve(200)
    assert 90 <= served.count("second") <= 110


def test_who_was_served_quickly_owes_nothing(queue):
    queue.submit("busy", 5000)
    queue.serve(5000, 2.0)
    queue.submit("busy")
    queue.submit("other")
    assert queue.serve(1) == ["busy"]


def test_steady_stream_that_always_waits_a_little_is_no_worse_off_than_a_newcomer(queue):
    queue.submit("steady", 2)
    for _ in range(300):
        queue.submit("steady", 100)
        queue.serve(100, 1.0)
    queue.submit("newcomer", 1000)
    queue.submit("steady", 100)
    served = queue.serve(202)
    assert served.count("steady") >= 95


def test_urgent_context_overtakes_the_largest_bulk_of_its_own_organization(queue):
    queue.submit("one", MAX_CONTEXTS)
    queue.serve(100, 60.0)
    urgent = queue.submit("one", priority=0)
    queue.serve(1)
    assert urgent[0] not in queue.rows


def test_bulk_that_calls_itself_urgent_makes_others_wait_for_some_of_it_only(queue):
    queue.submit("large", MAX_CONTEXTS, priority=0)
    queue.submit("small")
    assert "small" in queue.serve(300)


def test_least_urgent_context_comes_to_its_turn_in_a_stream_without_end(queue):
    (low,) = queue.submit("one", priority=100)
    for _ in range(130):
        queue.submit("one", 100)
        queue.serve(100, 1.0)
    assert low not in queue.rows
    (low,) = queue.submit("one", priority=100)
    for _ in range(110):
        queue.submit("one", 100)
        queue.serve(100, 1.0)
    assert low in queue.rows, "it is the least urgent one"


@pytest.mark.django_db
def test_serving_stands_where_the_first_of_the_queue_is(organization):
    assert serving_place() is None
    for order, priority, status in [
        (5_000, 50, Status.PENDING),
        (1, 50, Status.PROCESSING),
        (4_000, 0, Status.PENDING),
    ]:
        Context.objects.create(
            organization=organization, type="article", pipeline=[], claim_order=order, priority=priority, status=status
        )
    assert serving_place() == 4_000 + 600_000
