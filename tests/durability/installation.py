"""A whole Draftline of its own: real processes, a temporary database, a free port, a model server that obeys."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack, suppress
from itertools import cycle
from pathlib import Path
from typing import Any, Self, TypeVar

import psutil
import requests

from tests.durability.database import Database, MongoDatabase, SqliteDatabase
from tests.durability.seed import DATABASE, MAKE_KEY, ROOT, manage, seed
from tests.fakes.openai_server import FakeOpenAi
from tests.stores.mine import DATABASES, REDISES, mine
from tests.stores.mongo_server import address

SEED = json.loads((ROOT / "tests" / "seed" / "1-initial.json").read_text())
START_SECONDS = 60.0
LOOK_SECONDS = 0.05

T = TypeVar("T")

_redis_numbers = cycle(range(1, 16))


def stores_of_its_own() -> dict[str, str]:
    """Return a database for one installation, on the servers that the tests run beside; SQLite where there are none."""
    mongo, redis = mine(DATABASES), mine(REDISES)
    return {
        "DATABASE_URL": address(mongo, f"installation_{uuid.uuid4().hex[:8]}") if mongo else "",
        "REDIS_URL": address(redis, str(next(_redis_numbers))) if redis else "",
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(found: Callable[[], T | None], *, seconds: float, what: str) -> T:
    """Return the first true answer; fail after the deadline with what was awaited."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := found():
            return answer
        time.sleep(LOOK_SECONDS)
    raise AssertionError(f"not within {seconds:g} s: {what}")


class Installation:
    """Starts `manage.py serve` and talks to it. Use it as a context manager."""

    def __init__(self, data_dir: Path, model_server: FakeOpenAi, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = data_dir
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATA_DIR": str(data_dir),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            **stores_of_its_own(),
            "OPENAI_API_KEY": "test",
            "OPENAI_BASE_URL": model_server.base_url,
            "OPENAI_MODEL": "gpt-4",
            **environment,
        }
        mongo = self.environment["DATABASE_URL"]
        self.database: Database = MongoDatabase(mongo) if mongo else SqliteDatabase(data_dir / DATABASE)
        self.log = (data_dir / "server.log").open("a")
        self.server: subprocess.Popen[bytes] | None = None
        self._session = requests.Session()

    def __enter__(self) -> Self:
        with ExitStack() as cleanup:  # whatever fails here must leave no process behind
            cleanup.callback(self.log.close)
            cleanup.callback(self._session.close)
            cleanup.callback(self.database.close)
            cleanup.callback(self.stop)
            is_seeded = self._seed()
            self.start()
            key = seed().key if is_seeded else self.manage("shell", "-v0", "-c", MAKE_KEY).strip().splitlines()[-1]
            self._session.headers["Authorization"] = f"Bearer {key}"
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, *args: object) -> None:
        self._cleanup.close()

    def _seed(self) -> bool:
        """Begin with a copy of what is the same for all; False where the database is elsewhere, or there already."""
        if self.environment["DATABASE_URL"] or (self.data_dir / DATABASE).exists():
            return False
        seed().copy_to(self.data_dir)
        return True

    def start(self) -> None:
        """Start every process and wait until the web answers."""
        command = [sys.executable, "manage.py", "serve"]
        self.server = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=self.log, stderr=self.log, start_new_session=True
        )
        wait_until(self.is_ready, seconds=START_SECONDS, what=f"the server is ready; see {self.log.name}")

    def stop(self) -> float:
        """Ask every process to stop; return how many seconds that took."""
        assert self.server is not None
        began = time.monotonic()
        if self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
        self.server.wait(timeout=20)
        return time.monotonic() - began

    def kill_everything(self) -> None:
        """Kill every process at once, as a power cut does; `start` starts them again."""
        assert self.server is not None
        supervisor = psutil.Process(self.server.pid)
        victims = [supervisor, *supervisor.children(recursive=True)]  # itself first, or it would restart the others
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        self.server.wait(timeout=10)
        psutil.wait_procs(victims, timeout=10)

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    def manage(self, *arguments: str) -> str:
        return manage(*arguments, environment=self.environment)

    def get(self, path: str) -> Any:
        answer = self._session.get(f"{self.url}/api/{path}", timeout=30)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        answer = self._session.post(f"{self.url}/api/{path}", json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json()

    @property
    def authorization(self) -> str:
        """Return the header that the installation's key makes."""
        return str(self._session.headers["Authorization"])

    def submit(self, number: int, **changes: Any) -> str:
        """Submit so many contexts like the seed's; return the batch's id."""
        contexts = [{**SEED, **changes} for _ in range(number)]
        return str(self.post("contexts/bulk", {"contexts": contexts})["batch_id"])

    def submit_one(self, body: dict[str, Any], key: str) -> str:
        """Submit a context on a connection of its own; return its id. Any thread may."""
        headers = {"Authorization": self.authorization, "Idempotency-Key": key}
        answer = requests.post(f"{self.url}/api/contexts", json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        return str(answer.json()["id"])

    def submit_surely(self, contexts: list[dict[str, Any]]) -> str:
        """Submit contexts as a careful client does: with a key, again and again until it is answered."""
        key = f"key-{uuid.uuid4()}"

        def answered() -> str | None:
            try:
                return str(self.post("contexts/bulk", {"contexts": contexts}, **{"Idempotency-Key": key})["batch_id"])
            except requests.RequestException:
                return None

        return wait_until(answered, seconds=60, what="a submission is answered")

    def counts(self, batch_id: str) -> dict[str, int]:
        counts: dict[str, int] = self.get(f"batches/{batch_id}")["counts"]
        return counts

    def contexts(self, batch_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"contexts?batch_id={batch_id}&limit=200")["results"]
        return found

    def wait_for_end(self, batch_id: str, *, seconds: float) -> dict[str, int]:
        """Wait until nothing in the batch is open; return the counts."""
        wait_until(
            lambda: self.get(f"batches/{batch_id}")["status"] != "processing",
            seconds=seconds,
            what=f"the batch ends; see {self.log.name}",
        )
        return self.counts(batch_id)

    def processes(self, part: str) -> list[psutil.Process]:
        """Return the direct children of the supervisor whose command line has that part."""
        assert self.server is not None
        children = psutil.Process(self.server.pid).children()
        return [child for child in children if part in " ".join(child.cmdline())]

    def drain_pids(self) -> dict[int, int]:
        """Return {process id: contexts held} of the live drains."""
        drains = {row["_id"]: row["pid"] for row in self.database.workers(state="live")}
        held = {pid: 0 for pid in drains.values() if psutil.pid_exists(pid)}
        for row in self.database.contexts(status="processing"):
            if (pid := drains.get(row["lease_token"])) in held:
                held[pid] += 1
        return held

    def held_by(self, pid: int) -> list[str]:
        """Return the ids of the contexts that a process holds."""
        tokens = {row["_id"] for row in self.database.workers(pid=pid)}
        return [row["_id"] for row in self.database.contexts(status="processing") if row["lease_token"] in tokens]

    def busiest(self) -> int:
        """Return the process id of the drain that holds most."""
        return max(self.drain_pids().items(), key=lambda item: item[1])[0]

    def wait_for_drains(self, number: int = 2) -> None:
        wait_until(lambda: len(self.drain_pids()) >= number, seconds=30, what=f"{number} drains run")
