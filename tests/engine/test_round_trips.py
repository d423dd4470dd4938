"""How often a worker asks MongoDB: each question costs the way there and back."""

from collections import Counter

import pytest
from django.core.management import call_command

from contexts.engine.run import run_drain
from contexts.models import Context
from contexts.states import Status
from tests.stores.listening import Command, commands_heard

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mongodb("SQLite is asked within the process")]

LONE_AT_MOST = 6
FULL_BATCH = 200
LOOK = "look"
LOOKS_OF_A_CLAIM = [LOOK, LOOK]  # due retries, and pending contexts


def names_of(heard: list[Command]) -> list[str]:
    """Return what concerns contexts: looks for work by that name, all else by the name of its command."""
    ours = [command for command in heard if is_ours(command)]
    return [LOOK if is_look(command) else name_of(command) for command in ours]


def name_of(command: Command) -> str:
    return next(iter(command))


def is_ours(command: Command) -> bool:
    name = name_of(command)
    return name == "bulkWrite" or command[name] == Context._meta.db_table


def is_look(command: Command) -> bool:
    """Tell whether this asks what could be claimed, or what is still held: that goes on where nothing runs, too."""
    return "pipeline" in command and "status" in str(command["pipeline"][0])


def drained(number: int, make_context) -> list[str]:
    """Return the commands of a drain that runs so many contexts of the seed's three steps."""
    call_command("loadsamples", verbosity=0)
    for _ in range(number):
        make_context()
    with commands_heard() as heard:
        assert run_drain(until_idle=True) == number
    seen = names_of(heard)
    assert Context.objects.filter(status=Status.COMPLETED).count() == number
    print(f"{number} contexts: {len(seen)} commands, {Counter(seen)}")
    return seen


def test_lone_context_costs_six_round_trips(make_context):
    seen = drained(1, make_context)
    claim = seen[seen.index("findAndModify") :]
    claim_to_end = [name for name in claim[: last(claim, "bulkWrite") + 1] if name != LOOK]
    assert claim_to_end == ["findAndModify", "bulkWrite", "bulkWrite", "bulkWrite"], "the last step is the end"
    assert len(LOOKS_OF_A_CLAIM + claim_to_end) <= LONE_AT_MOST


def last(names: list[str], name: str) -> int:
    return len(names) - 1 - names[::-1].index(name)


def test_full_batch_costs_less_than_one_round_trip_for_each_context(make_context):
    assert len(drained(FULL_BATCH, make_context)) < FULL_BATCH
