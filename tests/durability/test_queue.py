"""django-q2's queue loses every message, or doubles every one: the contexts do not notice."""

import os
import signal
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.durability.database import SqliteDatabase
from tests.durability.installation import SEED, Installation, wait_until

pytestmark = [
    pytest.mark.durability,
    pytest.mark.timeout(240),
    pytest.mark.sqlite("a trigger plays the faulty queue; Redis loses what nobody has taken, MongoDB has no queue"),
]

# The queue is a table, and SQLite lets a trigger play the faulty queue: no message is missed, and none is raced.
LOSES = "DELETE FROM django_q_ormq WHERE id = NEW.id;"
RINGS = "SELECT seq FROM sqlite_sequence WHERE name = 'django_q_ormq'"
DOUBLES = "INSERT INTO django_q_ormq (key, payload, lock) VALUES (NEW.key, NEW.payload, NEW.lock);"


def tell(installation: Installation, statement: str) -> list[Any]:
    assert isinstance(installation.database, SqliteDatabase)
    return installation.database.tell(statement)


@contextmanager
def queue_that(installation: Installation, faulty: str):
    tell(installation, f"CREATE TRIGGER faulty AFTER INSERT ON django_q_ormq BEGIN {faulty} END")
    try:
        yield
    finally:
        tell(installation, "DROP TRIGGER faulty")


def completes(installation: Installation, number: int, *, seconds: float) -> list[int]:
    """Submit contexts, see them complete; return how often each was picked up."""
    batch = installation.submit(number)
    assert installation.wait_for_end(batch, seconds=seconds)["completed"] == number
    return [context["attempts"] for context in installation.contexts(batch)]


def kill_drains(installation: Installation) -> None:
    for pid in installation.drain_pids():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def nobody_works(installation: Installation, rings_before: list[Any]) -> bool:
    """Kill every drain, also those that older messages still start; tell whether a ring was lost since."""
    kill_drains(installation)
    return not installation.drain_pids() and tell(installation, RINGS) > rings_before


def test_queue_that_doubles_every_message_doubles_no_context(installation):
    with queue_that(installation, DOUBLES):
        kill_drains(installation)
        installation.wait_for_drains(1)
        assert set(completes(installation, 50, seconds=60)) == {1}


def test_queue_that_loses_every_message_loses_no_context(installation):
    installation.wait_for_drains()
    with queue_that(installation, LOSES):
        assert set(completes(installation, 50, seconds=60)) == {1}, "a live worker needs no message"
        rings = tell(installation, RINGS)
        wait_until(lambda: nobody_works(installation, rings), seconds=40, what="nobody works, and a ring is lost")
        context = installation.post("contexts", {**SEED, "pipeline": ["template"]})
    wait_until(
        lambda: installation.get(f"contexts/{context['id']}")["status"] == "completed",
        seconds=60,
        what="it completes when the queue works again",
    )
