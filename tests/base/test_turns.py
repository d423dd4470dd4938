"""A short write gets to SQLite's lock soon, waits for it no longer than it may, and repeats nothing else."""

import sqlite3
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection, connections

from base.turns import write_soon
from users.models import Organization

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.sqlite("the lock is SQLite's"),
]
DEADLINE_SECONDS = 20


@pytest.fixture
def other() -> Iterator[sqlite3.Connection]:
    """A writer of another process, as far as SQLite can tell."""
    writer = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, check_same_thread=False)
    yield writer
    writer.close()


def organization_renamer(tries: list[float]):
    def rename() -> int:
        tries.append(time.monotonic())
        return Organization.objects.filter(pk="org_test").update(name="Renamed")

    return rename


def busy_timeout_ms() -> int:
    with connection.cursor() as cursor:
        return int(cursor.execute("PRAGMA busy_timeout").fetchone()[0])


def test_a_write_asks_often_while_the_lock_is_taken(organization, other):
    other.execute("BEGIN IMMEDIATE")
    tries: list[float] = []
    result: list[int] = []

    def write() -> None:
        result.append(write_soon(organization_renamer(tries)))
        connections.close_all()

    waiting = threading.Thread(target=write)
    waiting.start()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(tries) < 20 and time.monotonic() < deadline:
        time.sleep(0.005)
    asked = len(tries)
    other.execute("COMMIT")
    waiting.join(DEADLINE_SECONDS)
    assert asked >= 20
    assert result == [1]
    organization.refresh_from_db()
    assert organization.name == "Renamed"


def test_a_lock_that_is_not_given_back_is_waited_for_no_longer_than_the_database_says(organization, other, monkeypatch):
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.05)
    other.execute("BEGIN IMMEDIATE")
    tries: list[float] = []
    with pytest.raises(OperationalError, match="locked"):
        write_soon(organization_renamer(tries))
    other.execute("ROLLBACK")
    assert len(tries) > 1
    assert busy_timeout_ms() == 50


def test_what_fails_for_another_reason_is_not_repeated(organization):
    before = busy_timeout_ms()
    tries: list[int] = []

    def wrong() -> None:
        tries.append(1)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE no_such_table SET a = 1")

    with pytest.raises(OperationalError, match="no such table"):
        write_soon(wrong)
    assert tries == [1]
    assert busy_timeout_ms() == before > 0
