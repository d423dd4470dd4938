"""Runs what the containers run, word for word: the commands, variables and probes of compose.yaml and Dockerfile.

Docker itself is not needed: the stores are the tests' own, and a process takes the place of each container.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import yaml

from tests.durability.installation import free_port, wait_until
from tests.stores.mongo_server import MongoServer
from tests.stores.redis_server import RedisServer

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SITE = "content.example"
WORKERS = ("worker-contexts", "worker-chores")
STOP_SECONDS = 10.0


def json_form(instruction: str) -> list[str]:
    """Return the words of the Dockerfile's CMD, or of its HEALTHCHECK."""
    found = re.search(rf"^{instruction}(?:.*CMD)? (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found is not None, instruction
    words: list[str] = yaml.safe_load(found[1])
    return words


def image_environment() -> dict[str, str]:
    found = re.search(r"^ENV PATH=.*\\\n(.*)$", DOCKERFILE, re.MULTILINE)
    assert found is not None
    return dict(pair.split("=") for pair in found[1].split())


class Containers:
    """The services of compose.yaml as processes, on stores of their own."""

    def __init__(self, folder: Path, mongo: MongoServer, redis: RedisServer) -> None:
        self.port = free_port()
        self._folder = folder
        self._secrets = {"secret_key": "x" * 60, "openai_api_key": ""}
        for name, secret in self._secrets.items():
            (folder / name).write_text(f"{secret}\n")
        self._replaced = {
            "DATABASE_URL": mongo.url("draftline"),
            "REDIS_URL": redis.url(),
            "DATA_DIR": str(folder / "data"),
            "PORT": str(self.port),
            "HOST": "127.0.0.1",
            "TMPDIR": str(folder),
        }

    def environment(self) -> dict[str, str]:
        """Return a container's variables; only what names the outer world is replaced."""
        found = {name: self._filled(str(value)) for name, value in COMPOSE["services"]["web"]["environment"].items()}
        bare = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        return bare | image_environment() | found | self._replaced

    def _filled(self, value: str) -> str:
        value = value.replace("/run/secrets", str(self._folder))
        return re.sub(
            r"\$\{(\w+):[-?]([^}]*)\}", lambda found: SITE if found[1] == "ALLOWED_HOSTS" else found[2], value
        )

    def run(self, command: list[str], seconds: float = 100) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=ROOT, env=self.environment(), capture_output=True, text=True, timeout=seconds
        )

    def start(self, name: str, stack: ExitStack) -> subprocess.Popen[bytes]:
        log = stack.enter_context((self._folder / f"{name}.log").open("a"))
        command = COMPOSE["services"][name].get("command") or json_form("CMD")
        process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment(), stdout=log, stderr=log, start_new_session=True
        )
        stack.callback(end, process)
        return process

    def is_healthy(self, worker: str) -> bool:
        return self.run(COMPOSE["services"][worker]["healthcheck"]["test"][1:]).returncode == 0

    def ready(self) -> dict[str, Any]:
        try:
            answer = requests.get(f"http://127.0.0.1:{self.port}/readyz", headers={"Host": SITE}, timeout=5)
        except requests.RequestException:
            return {}
        found: dict[str, Any] = answer.json()
        return found


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill it and all that it started; a test that failed must leave nothing behind."""
    if process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait(10)


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    folder = tmp_path_factory.mktemp("containers")
    with MongoServer(folder / "mongodb") as mongo, RedisServer(folder / "redis") as redis:
        found = Containers(folder, mongo, redis)
        done = found.run(COMPOSE["services"]["migrate"]["command"])
        assert done.returncode == 0, done.stderr
        yield found


def test_services_start_are_healthy_and_stop_when_their_first_process_is_asked(containers: Containers):
    with ExitStack() as stack:
        processes = {name: containers.start(name, stack) for name in ("web", *WORKERS)}
        wait_until(lambda: (containers.ready().get("workers") or {}).get("live", 0) >= 2, seconds=60, what="workers")
        assert containers.run(json_form("HEALTHCHECK")).returncode == 0
        for name in WORKERS:
            wait_until(partial(containers.is_healthy, name), seconds=30, what=f"{name} is healthy")
        for name, process in processes.items():
            children = psutil.Process(process.pid).children(recursive=True)
            assert stopped_within(process) < STOP_SECONDS, name
            # uvicorn ends itself by the signal that it was sent, once it has stopped
            assert process.returncode in (0, -signal.SIGTERM if name == "web" else 0), name
            assert not [child for child in children if child.is_running()], f"{name} left children behind"


def stopped_within(process: subprocess.Popen[bytes]) -> float:
    """Send SIGTERM to the process alone, not to its children; return after how many seconds it had ended."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(STOP_SECONDS * 2)
    return time.monotonic() - began


def test_check_of_the_stores_says_that_they_can_be_used(containers: Containers):
    done = containers.run(["python", "manage.py", "store", "check"])
    assert "All are applied" in done.stdout
    assert "Every index of every model is there" in done.stdout


def test_cluster_that_does_not_turn_is_not_healthy(containers: Containers, tmp_path: Path):
    probe = ["env", f"TMPDIR={tmp_path}", "python", "-m", "config.probe", "contexts"]
    done = containers.run(probe)
    assert (done.returncode, done.stderr) == (1, "The cluster contexts does not turn.\n")
    alive = tmp_path / f"draftline-{os.getuid()}-contexts.alive"
    alive.touch()
    assert containers.run(probe).returncode == 0
    long_ago = time.time() - 100
    os.utime(alive, (long_ago, long_ago))
    assert containers.run(probe).returncode == 1
