"""Where the database has a clock of its own, it rules."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.errors import AutoReconnect

from base import clock, database_clock

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _this_hosts_clock_again():
    yield
    clock.follow_this_host()


class Database:
    """Answers after two seconds with what its clock shows in the middle of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1000.0
        monkeypatch.setattr(database_clock, "has_own_clock", lambda: True)
        monkeypatch.setattr(database_clock, "ask", self.ask)
        monkeypatch.setattr(time, "monotonic", lambda: self.seconds)

    def ask(self) -> datetime:
        self.seconds += 2
        return NOON


def test_now_is_the_databases_time_and_goes_on_without_asking(monkeypatch):
    database = Database(monkeypatch)
    database_clock.refresh()
    assert clock.now() == NOON + SECOND, "half of the way is taken off"
    database.seconds += 3600
    assert clock.now() == NOON + 3601 * SECOND


def test_database_that_does_not_answer_leaves_the_last_answer(monkeypatch):
    database = Database(monkeypatch)
    database_clock.refresh()

    def away() -> datetime:
        raise AutoReconnect

    monkeypatch.setattr(database_clock, "ask", away)
    database.seconds += 10
    database_clock.refresh()
    assert clock.now() == NOON + 11 * SECOND


def test_without_a_clock_of_its_own_the_host_rules():
    before = datetime.now(UTC) - SECOND
    database_clock.refresh()
    assert before < clock.now() < datetime.now(UTC) + SECOND
