"""Counts how often a process asks MongoDB; another process reads the count."""

import mmap
import os
import struct
from pathlib import Path

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

COUNT = struct.Struct("<q")


class RoundTrips(CommandListener):
    """Writes each process's count to a file of its own in a folder; looks of an idle worker count, too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pid = 0
        self._count = 0
        self._shared: mmap.mmap | None = None

    def started(self, event: CommandStartedEvent) -> None:
        if os.getpid() != self._pid:  # a fork brings the parent's along
            self._begin()
        assert self._shared is not None
        self._count += 1
        COUNT.pack_into(self._shared, 0, self._count)

    def _begin(self) -> None:
        self._pid, self._count = os.getpid(), 0
        with file_of(self._folder, self._pid).open("w+b") as file:
            file.truncate(COUNT.size)
            self._shared = mmap.mmap(file.fileno(), COUNT.size)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Only the start counts."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Only the start counts."""


def file_of(folder: Path, pid: int) -> Path:
    return folder / f"round-trips-{pid}"


def read_count(folder: Path, pid: int) -> int:
    """Return how often a process has asked so far."""
    (count,) = COUNT.unpack(file_of(folder, pid).read_bytes())
    return int(count)
