"""Where benchmarks run: a temporary folder on a real disk, the seed of every installation, the model servers."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from benchmarks.installation import Installation, make_seed
from benchmarks.mongo.stores import Stores
from benchmarks.processes import ROOT, BenchFailed, Child, python, say

IN_MEMORY = {"tmpfs", "ramfs"}


def file_system(folder: Path) -> str:
    """Return the type of the file system that a folder lies on, such as ``ext4``."""
    resolved = folder.resolve()
    mounts = {Path(part.mountpoint): part.fstype for part in psutil.disk_partitions(all=True)}
    return next((mounts[place] for place in (resolved, *resolved.parents) if place in mounts), "unknown")


def temporary_folder(wanted: Path | None) -> Path:
    """Make a folder on a real disk: where it was asked for, else in the temporary folder, else in ``var``.

    Raises:
        BenchFailed: what was asked for, or all there is, lies in memory.
    """
    var = ROOT / "var"
    for parent in [wanted] if wanted else [Path(tempfile.gettempdir()), var]:
        if parent == var:
            var.mkdir(exist_ok=True)
        if file_system(parent) not in IN_MEMORY:
            folder = Path(tempfile.mkdtemp(prefix="draftline-bench-", dir=parent))
            folder.chmod(0o711)  # PostgreSQL, as another user, must be able to reach its own folder in it
            return folder
    raise BenchFailed("The temporary folder lies in memory, where a commit costs nothing; give --folder on a disk.")


class Workshop:
    """Keeps what runs share. Everything is gone after the ``with`` block, unless `keep_logs` was called.

    Attributes:
        is_quick: small counts, to see that it works.
    """

    def __init__(self, *, folder: Path | None = None, is_quick: bool = False) -> None:
        self.is_quick = is_quick
        self.folder = temporary_folder(folder)
        self.seed = self.folder / "seed"
        self._models: dict[float, str] = {}
        self._numbers = count(1)
        self._cleanup = ExitStack()
        self._has_failed = False
        self._stores: Stores | None = None
        self._is_on_mongo = False

    def __enter__(self) -> Self:
        make_seed(self.seed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()
        if self._has_failed:
            say(f"the logs are in {self.folder}; remove it when you have read them")
        else:
            shutil.rmtree(self.folder)

    def keep_logs(self) -> None:
        """Leave the folder as it is at the end: something went wrong."""
        self._has_failed = True

    def size(self, full: int, quick: int) -> int:
        """Return how many there should be."""
        return quick if self.is_quick else full

    def model_url(self, latency_seconds: float) -> str:
        """Return the address of a model server with this latency, started where there is none yet."""
        if latency_seconds not in self._models:
            command = python("-m", "benchmarks.model_server", "--latency", str(latency_seconds))
            server = Child(command, environment=os.environ, log=self.folder / "model.log", speaks=True)
            self._cleanup.callback(server.stop)
            self._models[latency_seconds] = server.read_line()
        return self._models[latency_seconds]

    def filled(self, count: int) -> Path:
        """Return a data directory with so many contexts, filled where there is none yet; work in it, do not copy it."""
        folder = self.folder / f"filled-{count}"
        if not folder.exists():
            say(f"filling a database with {count:,} contexts")
            with Installation(self.seed, folder, is_kept=True) as installation:
                installation.start_helper().call("benchmarks.growth.fill.fill", count=count)
        return folder

    def on_mongo(self) -> Self:
        """Return this workshop, whose installations use MongoDB and Redis; the servers start where none run yet."""
        if self._stores is None:
            self._stores = self._cleanup.enter_context(Stores(self.folder / "stores"))
        other = copy(self)
        other._is_on_mongo = True
        return other

    @contextmanager
    def installation(self, **options: Any) -> Iterator[Installation]:
        """Run an installation in a data directory of its own; see `Installation`."""
        folder = self.new_folder()
        place = self._stores.place() if self._is_on_mongo and self._stores is not None else {}
        if place:
            make_seed(folder, **place)
        with Installation(None if place else self.seed, folder, **{**place, **options}) as installation:
            yield installation

    def new_folder(self) -> Path:
        """Return a folder that does not exist yet."""
        return self.folder / f"run-{next(self._numbers)}"
