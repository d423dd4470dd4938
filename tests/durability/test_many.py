"""An operation on many whose workers are killed again and again goes on, and moves no context twice."""

import json
from collections.abc import Iterator

import psutil
import pytest

from tests.durability.installation import Installation, wait_until
from tests.fakes.openai_server import answer, failing

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]
CONTEXTS, KILLS = 300, 2
BEGIN = """
from contexts.bulk.models import BulkAction
from contexts.bulk.operations import BulkWish, bulk_begin
from contexts.bulk.selection import Selection
from users.models import User
person = User.objects.create_user("ada", "correct horse battery")
wish = BulkWish(BulkAction.RETRY, Selection(batch_id="{batch}"), person.pk, "Ada", from_step="start")
print(bulk_begin(wish).pk)
"""
SWEEP = "from contexts.tasks import sweep; sweep()"
TELL = """
import json
from contexts.bulk.models import BulkOperation
print(json.dumps(BulkOperation.objects.values("state", "done", "skipped", "failed").get()))
"""


@pytest.fixture
def installation(tmp_path, model_server) -> Iterator[Installation]:
    with Installation(tmp_path, model_server) as running:
        running.wait_for_drains()
        yield running


def chores(installation: Installation) -> list[psutil.Process]:
    return [
        process for parent in installation.processes("chores") for process in (parent, *parent.children(recursive=True))
    ]


def moved(installation: Installation, batch: str) -> list[int]:
    """Return how often each context was moved by a person."""
    rows = installation.database.contexts(batch_id=batch)
    return [sum("act" in entry for entry in row["moves"]) for row in rows]


def wait_for_moves(installation: Installation, batch: str, more_than: int) -> None:
    wait_until(lambda: sum(moved(installation, batch)) > more_than, seconds=90, what=f"more than {more_than} are moved")


def test_it_goes_on_where_it_was_killed_and_moves_none_twice(installation, model_server):
    model_server.default = failing(401, "Incorrect API key provided.")  # what is retried fails again at once
    try:
        batch = installation.submit(CONTEXTS)
        assert installation.wait_for_end(batch, seconds=60)["failed"] == CONTEXTS
        installation.manage("shell", "-v0", "-c", BEGIN.format(batch=batch))
        for kill in range(KILLS):
            wait_for_moves(installation, batch, kill * CONTEXTS // (KILLS + 1))
            for process in chores(installation):
                process.kill()
            installation.manage("shell", "-v0", "-c", SWEEP)  # else up to a minute passes until somebody rings
        wait_until(lambda: all(moved(installation, batch)), seconds=120, what="all are moved")
        assert set(moved(installation, batch)) == {1}
        assert installation.wait_for_end(batch, seconds=60)["failed"] == CONTEXTS

        def told() -> dict[str, object] | None:
            found = json.loads(installation.manage("shell", "-v0", "-c", TELL).strip().splitlines()[-1])
            return found if found["state"] == "done" else None

        assert wait_until(told, seconds=90, what="it is done") == {
            "state": "done",
            "done": CONTEXTS,
            "skipped": 0,
            "failed": 0,
        }
    finally:
        model_server.default = answer()
