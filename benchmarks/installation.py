"""A whole Draftline for one run: a fresh DATA_DIR, real processes, the default stores."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import requests

from benchmarks.model_server import MODEL
from benchmarks.mongo.round_trips import read_count
from benchmarks.processes import ROOT, BenchFailed, Child, python, wait_until
from benchmarks.watch import MongoWatch, SqliteWatch, Watch
from config.listening import free_port

SETTINGS = "config.settings"
COUNTING_SETTINGS = "benchmarks.mongo.settings"
START_SECONDS = 60.0
DATABASE = "draftline.sqlite3"
KEY_FILE = "bench-key"
# what a developer has in the environment must not change what is measured
DROPPED = ("DATABASE_URL", "REDIS_URL", "PRODUCTION", "DEBUG", "OPENAI_API_KEY", "OPENAI_BASE_URL", "COMPONENTS")


def environment_for(data_dir: Path, **changes: str) -> dict[str, str]:
    """Return the environment of Draftline's processes: its defaults, and nothing of ours."""
    kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
    return {**kept, "DJANGO_SETTINGS_MODULE": SETTINGS, "DATA_DIR": str(data_dir), "WORKERS": "1", **changes}


def make_seed(folder: Path, **stores: str) -> None:
    """Make the data directory that every installation begins with: migrated, with the samples and a key.

    Args:
        stores: DATABASE_URL and REDIS_URL, where the database is not a file in that directory.
    """
    folder.mkdir(parents=True)
    environment = environment_for(folder, **stores)
    for command in (["migrate", "-v0"], ["loadsamples", "-v0"]):
        done = subprocess.run(
            python("manage.py", *command), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
        )
        if done.returncode:
            raise BenchFailed(f"manage.py {command[0]} failed: {done.stderr}")
    with Helper(environment, folder / "helper.log") as helper:
        (folder / KEY_FILE).write_text(helper.call("benchmarks.orders.prepare")["key"])


class Helper:
    """A helper process: Draftline's, see `benchmarks.helper`, or another that speaks as it does."""

    def __init__(self, environment: Mapping[str, str], log: Path, *, command: Sequence[str] | None = None) -> None:
        chosen = command or python("-m", "benchmarks.helper")
        self._child = Child(chosen, environment=environment, log=log, speaks=True)

    def __enter__(self) -> Self:
        self._child.read_line()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.stop()

    def call(self, function: str, **arguments: Any) -> dict[str, Any]:
        """Call a function there, by its dotted path; return its answer."""
        self._child.write_line(json.dumps({"call": function, "with": arguments}))
        answer: dict[str, Any] = json.loads(self._child.read_line())
        return answer


class Installation:
    """Starts what a row asks for; everything ends with the ``with`` block.

    Args:
        seed: what the data directory begins as; None where it is there already.
        model_url: where the model server is; None for the offline provider.
        settings: Django's settings module; on MongoDB, the one that counts round trips where none is given.
        is_kept: the data directory stays.
    """

    def __init__(
        self,
        seed: Path | None,
        data_dir: Path,
        *,
        model_url: str | None = None,
        settings: str | None = None,
        is_kept: bool = False,
        **changes: str,
    ) -> None:
        if seed is not None:
            shutil.copytree(seed, data_dir)
        self._is_kept = is_kept
        self.data_dir = data_dir
        self.key = (data_dir / KEY_FILE).read_text()
        self.log = data_dir / "processes.log"
        self.port = free_port("127.0.0.1", 0)
        model = {"OPENAI_API_KEY": "bench", "OPENAI_BASE_URL": model_url, "OPENAI_MODEL": MODEL} if model_url else {}
        self._is_counted = settings is None and "DATABASE_URL" in changes
        chosen = settings or (COUNTING_SETTINGS if self._is_counted else SETTINGS)
        self.environment = environment_for(
            data_dir,
            **{"DJANGO_SETTINGS_MODULE": chosen, "HOST": "127.0.0.1", "PORT": str(self.port), **model, **changes},
        )
        self._children: list[Child] = []
        self._cleanup = ExitStack()

    @property
    def database(self) -> Path:
        return self.data_dir / DATABASE

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            url = self.environment.get("DATABASE_URL")
            self.watch: Watch = stack.enter_context(MongoWatch(url) if url else SqliteWatch(self.database))
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()
        if kind is None and not self._is_kept:
            shutil.rmtree(self.data_dir)

    def start(self, *arguments: str) -> Child:
        """Start a Python process of this installation."""
        child = Child(python(*arguments), environment=self.environment, log=self.log)
        self._cleanup.callback(child.stop)
        self._children.append(child)
        return child

    def start_helper(self) -> Helper:
        return self._cleanup.enter_context(Helper(self.environment, self.log))

    def start_worker(self) -> Child:
        """Start the contexts cluster and wait until its one drain listens."""
        cluster = self.start("manage.py", "worker", "--cluster", "contexts")
        self.wait_for_drain(cluster)
        return cluster

    def start_server(self) -> Child:
        """Start all that ``script/server`` starts, with one worker, and wait until it answers and listens."""
        server = self.start("manage.py", "serve")
        self.wait_for_web(server)
        self.wait_for_drain(server)
        return server

    def start_web(self) -> Child:
        """Start the web server alone and wait until it answers."""
        web = self.start("-m", "config.web")
        self.wait_for_web(web)
        return web

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for_web(self, child: Child) -> None:
        def is_ready() -> bool:
            child.check_alive()
            try:
                return requests.get(f"{self.url}/readyz", timeout=5).ok
            except requests.RequestException:
                return False

        wait_until(is_ready, seconds=START_SECONDS, what=f"the web server answers; see {self.log}")

    def wait_for_drain(self, child: Child) -> None:
        def is_there() -> bool:
            child.check_alive()
            return any(psutil.pid_exists(pid) for pid in self.watch.drain_pids())

        wait_until(is_there, seconds=START_SECONDS, what=f"a worker listens; see {self.log}")

    def wait_for_end(self, *, seconds: float) -> float:
        """Wait until no context is open; return when that was seen, in monotonic seconds.

        Raises:
            BenchFailed: a process has ended, time is up, or not all contexts completed.
        """
        return self.watch.wait_for_end(seconds=seconds, check=self._check_alive)

    def _check_alive(self) -> None:
        for child in self._children:
            child.check_alive()

    def drain_pid(self) -> int:
        """Return the process that runs the contexts; there is one worker."""
        alive = [pid for pid in self.watch.drain_pids() if psutil.pid_exists(pid)]
        if not alive:
            raise BenchFailed(f"no worker runs any more; see {self.log}")
        return alive[0]

    def round_trips(self, pid: int) -> int | None:
        """Return how often a process has asked MongoDB so far; None where that is not counted."""
        return read_count(self.data_dir, pid) if self._is_counted else None
