"""Processes are killed at random while contexts run: nothing is lost, nothing is doubled, nobody innocent is blamed."""

import os
import random
import re
import time
from collections import Counter
from contextlib import suppress

import psutil
import pytest

from tests.durability.installation import SEED, Installation, wait_until
from tests.fakes.openai_server import FakeOpenAi

pytestmark = [pytest.mark.durability, pytest.mark.timeout(400)]

KILLS = ["worker"] * 12 + ["cluster"] * 5 + ["everything"] * 3
CONTEXTS_PER_KILL = 15
MODEL_SECONDS = 3.0
SEED_VARIABLE = "CHAOS_SEED"


def kill(installation: Installation, what: str, chance: random.Random) -> None:
    wait_until(lambda: killed(installation, what, chance), seconds=30, what=f"{what} is killed")


def killed(installation: Installation, what: str, chance: random.Random) -> bool:
    """Kill a process, or all of them; False where there is none to be killed just now."""
    if what == "everything":
        installation.kill_everything()
        installation.start()
        return True
    with suppress(psutil.NoSuchProcess):
        if victims := victims_of(installation, what):
            chance.choice(victims).kill()
            return True
    return False


def victims_of(installation: Installation, what: str) -> list[psutil.Process]:
    if what == "cluster":
        return installation.processes("--cluster contexts")
    held = installation.drain_pids()
    return [psutil.Process(pid) for pid in sorted(held) if held[pid] or not any(held.values())]


def calls_of(model_server: FakeOpenAi) -> Counter[str]:
    """Count the model calls of each context; the title is in the prompt."""
    titles = [re.search(r"Chaos \d+ \d+", str(body["messages"])) for body in model_server.bodies]
    return Counter(found[0] for found in titles if found)


def test_twenty_random_kills_lose_nothing_repeat_nothing_and_blame_nobody(tmp_path):
    seed = os.environ.get(SEED_VARIABLE) or str(random.randrange(10**6))
    print(f"{SEED_VARIABLE}={seed}")
    chance = random.Random(seed)
    batches: list[str] = []
    with (
        FakeOpenAi(latency_seconds=MODEL_SECONDS) as model_server,
        Installation(tmp_path, model_server) as installation,
    ):
        installation.wait_for_drains()
        for number, what in enumerate(chance.sample(KILLS, len(KILLS))):
            titles = [f"Chaos {number} {index}" for index in range(CONTEXTS_PER_KILL)]
            data = [{**SEED["data"], "title": title} for title in titles]
            batches.append(installation.submit_surely([{**SEED, "data": each} for each in data]))
            wait_until(lambda: model_server.in_flight > 0, seconds=60, what="the model is called")
            time.sleep(chance.uniform(0, 1.2 * MODEL_SECONDS))  # the moment of the kill is what is random
            kill(installation, what, chance)
        ends = [installation.wait_for_end(batch, seconds=120) for batch in batches]
        rows = installation.database.contexts()
        calls = calls_of(model_server)
    print(f"attempts {sorted(Counter(row['attempts'] for row in rows).items())}, {calls.total()} calls")
    print(f"losses {sorted(Counter(row['worker_losses'] for row in rows).items())}")
    assert [end["completed"] for end in ends] == [CONTEXTS_PER_KILL] * len(KILLS)
    assert Counter(row["status"] for row in rows) == {"completed": CONTEXTS_PER_KILL * len(KILLS)}
    for row in rows:
        finished = [run["key"] for run in row["step_runs"] if run["outcome"] == "completed"]
        assert finished == SEED["pipeline"], "no finished step runs again"
        assert 1 <= calls[row["title"]] <= row["attempts"] <= 1 + len(KILLS), "one call more for each kill that hit it"
