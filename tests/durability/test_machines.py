"""Three hosts: the stores on one, web and a worker on another, a worker on a third, whose network fails for a while.

The hosts are namespaces of Linux (tests/stores/machines.py): they share neither network nor process ids.
"""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.durability.installation import SEED, wait_until
from tests.durability.seed import MAKE_KEY
from tests.fakes.openai_server import FakeOpenAi
from tests.stores.machines import ROOT, Machine, Network, why_not
from tests.stores.mongo_server import MongoServer
from tests.stores.redis_server import RedisServer

REASON = why_not()
pytestmark = [
    pytest.mark.durability,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(REASON), reason=f"no other hosts can be made: {REASON}"),
]

# The defaults, and a minute without network: CUT_SECONDS=60 LEASE_SECONDS=20 HEARTBEAT_SECONDS=5
CUT_SECONDS = float(os.environ.get("CUT_SECONDS", "15"))
LEASE_SECONDS = int(os.environ.get("LEASE_SECONDS", "6"))
HEARTBEAT_SECONDS = int(os.environ.get("HEARTBEAT_SECONDS", "2"))
HEAL_SECONDS = 20.0
# a slow machine takes its time; that nothing is lost is what counts
ENOUGH_SECONDS = 120.0
MODEL_SECONDS = 0.3
IN_FLIGHT = 8
PORT = 8000


class Site:
    """The whole of it: stores, model server, web and workers, each worker with a key of its own for the model."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        network = stack.enter_context(Network("near", "far"))
        self.near, self.far = network.machines
        self.model = stack.enter_context(FakeOpenAi(host=network.address, latency_seconds=MODEL_SECONDS))
        self._mongo = stack.enter_context(MongoServer(folder / "mongodb", network.address))
        self._redis = stack.enter_context(RedisServer(folder / "redis", network.address))
        self._folder = folder
        self._stack = stack
        self._session = stack.enter_context(requests.Session())
        self._manage("migrate", "-v0")
        self._manage("loadsamples", "-v0")
        key = self._manage("shell", "-v0", "-c", MAKE_KEY).strip().splitlines()[-1]
        self._session.headers["Authorization"] = f"Bearer {key}"

    def environment(self, machine: Machine) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATA_DIR": str(self._folder / machine.name),
            "SECRET_KEY": "the same on every host",
            "HOST": machine.address,
            "PORT": str(PORT),
            # directly, because the stand-in tells its clients to go on at 127.0.0.1
            "DATABASE_URL": f"{self._mongo.url('draftline')}?directConnection=true",
            "REDIS_URL": self._redis.url(),
            "OPENAI_API_KEY": machine.name,
            "OPENAI_BASE_URL": self.model.base_url,
            "OPENAI_MODEL": "gpt-4",
            "WORKERS": "1",
            "MAX_IN_FLIGHT": str(IN_FLIGHT),
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "HEARTBEAT_SECONDS": str(HEARTBEAT_SECONDS),
            "LOOP_BLOCKED_SECONDS": str(min(10, LEASE_SECONDS - 1)),
        }

    def _manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        environment = self.environment(self.near)
        return subprocess.run(
            command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True, timeout=100
        ).stdout

    def start(self, machine: Machine, *command: str) -> None:
        log = self._stack.enter_context((self._folder / f"{machine.name}.log").open("a"))
        environment = self.environment(machine)
        self._stack.enter_context(machine.start([sys.executable, *command], environment=environment, log=log))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._session.request(method, f"http://{self.near.address}:{PORT}/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def workers(self) -> int:
        try:
            return int(self.call("GET", "readyz")["workers"]["live"])
        except requests.RequestException:
            return 0

    def submit(self, name: str, number: int) -> str:
        data = [{**SEED["data"], "title": f"{name} {index}."} for index in range(number)]
        return str(
            self.call("POST", "api/contexts/bulk", {"contexts": [{**SEED, "data": each} for each in data]})["batch_id"]
        )

    def counts(self, batch: str) -> dict[str, int]:
        return {state: count for state, count in self.call("GET", f"api/batches/{batch}")["counts"].items() if count}

    def wait_for_end(self, batch: str, number: int, *, seconds: float) -> None:
        wait_until(lambda: self.counts(batch) == {"completed": number}, seconds=seconds, what="the batch completes")

    def finished_steps(self, batch: str) -> list[list[str]]:
        """Return the steps that each context finished, in order; one that ran twice is there twice."""
        contexts = self.call("GET", f"api/contexts?batch_id={batch}&limit=200")["results"]
        runs = [self.call("GET", f"api/contexts/{context['id']}/steps")["results"] for context in contexts]
        return [[run["key"] for run in each if run["outcome"] == "completed"] for each in runs]

    def callers(self) -> Counter[str]:
        """Count the model calls of each machine."""
        return Counter(key.removeprefix("Bearer ") for key in self.model.authorizations)

    def calls_of(self, name: str) -> Counter[str]:
        """Count the model calls of each context; the title is in the prompt."""
        titles = [re.search(rf"{name} \d+\.", str(body["messages"])) for body in self.model.bodies]
        return Counter(found[0] for found in titles if found)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as stack:
        found = Site(tmp_path_factory.mktemp("machines"), stack)
        found.start(found.near, "-m", "config.web")
        found.start(found.near, "manage.py", "worker", "--cluster", "contexts")
        found.start(found.near, "manage.py", "worker", "--cluster", "chores")
        found.start(found.far, "manage.py", "worker", "--cluster", "contexts")
        wait_until(lambda: found.workers() >= 2, seconds=60, what="both workers are there")
        yield found


def test_work_spreads_over_two_machines(site: Site):
    number = 120
    site.wait_for_end(site.submit("Spread", number), number, seconds=60)
    shares = site.callers()
    print(f"shares {dict(shares)}")
    assert shares.total() == number
    assert min(shares["near"], shares["far"]) > number / 4


def test_machine_that_loses_its_network_loses_and_doubles_nothing(site: Site):
    number = 200
    batch = site.submit("Cut", number)
    calls_before = site.callers()["far"]
    wait_until(lambda: site.callers()["far"] >= calls_before + IN_FLIGHT, seconds=30, what="the far worker works")
    site.far.cut()
    cut_at = time.monotonic()
    site.wait_for_end(batch, number, seconds=CUT_SECONDS + ENOUGH_SECONDS)
    print(f"completed {time.monotonic() - cut_at:.1f} s after the cut")
    wait_until(lambda: time.monotonic() >= cut_at + CUT_SECONDS, seconds=CUT_SECONDS + 1, what="the cut is over")
    calls_before = site.callers()["far"]
    site.far.heal()
    healed_at = time.monotonic()
    again = site.submit("Healed", 1)
    wait_until(lambda: _far_works(site, calls_before), seconds=HEAL_SECONDS, what="the far worker works again")
    print(f"the far worker works again {time.monotonic() - healed_at:.1f} s after the heal")
    site.wait_for_end(again, 1, seconds=30)
    calls = site.calls_of("Cut")
    print(f"{calls.total()} calls for {number} contexts")
    assert site.counts(batch) == {"completed": number}
    assert site.finished_steps(batch) == [SEED["pipeline"]] * number, "no finished step runs again"
    assert len(calls) == number
    assert calls.total() <= number + IN_FLIGHT, "one call more for each that was in flight at the cut"


def _far_works(site: Site, calls_before: int) -> bool:
    """Give both something to do until the far one takes its part."""
    site.wait_for_end(site.submit("More", IN_FLIGHT * 2), IN_FLIGHT * 2, seconds=60)
    return site.callers()["far"] > calls_before
