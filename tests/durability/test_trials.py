"""Trials of a whole installation: they run by themselves, and go on where their worker was killed."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.durability.installation import SEED, Installation, wait_until
from tests.fakes.openai_server import FakeOpenAi, answer

pytestmark = [pytest.mark.durability, pytest.mark.timeout(300)]
WORDS = "Write as the draft says"
BEGIN = f"""
from contexts.models import Context
from contexts.trials.models import new_trial_id
from contexts.trials.services import Trying, replay_begin
from templates_app.models import Template
from templates_app.services import draft_save
from users.models import User
template = Template.objects.get(pk="tmpl_article_technical")
section = {{"type": "introduction", "instructions": "{WORDS} about {{{{ title }}}}"}}
draft_save(template, structure={{"sections": [section]}})
who = Trying(new_trial_id(), User.objects.get(username="admin"), None, most_tokens=1_000_000)
print(replay_begin(template, list(Context.objects.order_by("pk")), who)[0].pk)
"""


@pytest.fixture(scope="module")
def trying(tmp_path_factory, model_server) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("trials"), model_server) as running:
        running.wait_for_drains()
        yield running


def states(installation: Installation) -> dict[str, str]:
    return {row["title"]: row["state"] for row in installation.database.trial_items()}


def asked(model_server: FakeOpenAi, title: str) -> int:
    """Return how often the draft was run for a title."""
    said = [json.dumps(body["messages"]) for body in list(model_server.bodies)]
    return sum(f"{WORDS} about {title}" in prompt for prompt in said)


def test_a_replay_whose_worker_is_killed_goes_on_and_runs_nothing_twice_that_is_finished(trying, model_server):
    for title in ("One", "Two"):
        wanted = trying.post("contexts", {**SEED, "data": {**SEED["data"], "title": title}})["id"]
        assert trying.get(f"contexts/{wanted}?wait=30")["status"] == "completed"
    model_server.when(f"{WORDS} about Two", answer(latency_seconds=600))
    trying.manage("shell", "-v0", "-c", BEGIN)
    wait_until(lambda: states(trying) == {"One": "done", "Two": "running"}, seconds=40, what="one of two is done")
    wait_until(lambda: asked(model_server, "Two") == 1, seconds=10, what="the other one is asked for")
    model_server.forget_rules()
    [chores] = trying.processes("chores")
    for process in [chores, *chores.children(recursive=True)]:
        process.kill()
    began = time.monotonic()
    wait_until(lambda: states(trying) == {"One": "done", "Two": "done"}, seconds=120, what="the replay is finished")
    print(f"taken up {time.monotonic() - began:.1f} s after the kill")
    assert (asked(model_server, "One"), asked(model_server, "Two")) == (1, 2)
