"""Processes that a benchmark starts, what they cost, and that they end with it."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

from config.supervisor import ends_with_parent

ROOT = Path(__file__).resolve().parents[1]
STOP_SECONDS = 20.0
LOOK_SECONDS = 0.02

T = TypeVar("T")


class BenchFailed(Exception):
    """A benchmark could not be carried out; the message says what to look at."""


class Missing(BenchFailed):
    """Something that is not part of Draftline is not installed; the message says how to get it."""


def say(line: str) -> None:
    """Write what goes on to standard error; the table alone goes to standard output."""
    sys.stderr.write(f"bench: {line}\n")
    sys.stderr.flush()


def wait_until(found: Callable[[], T], *, seconds: float, what: str, look_seconds: float = LOOK_SECONDS) -> T:
    """Return the first true answer.

    Raises:
        BenchFailed: there was none within so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        if time.monotonic() > deadline:
            raise BenchFailed(f"not within {seconds:g} s: {what}")
        time.sleep(look_seconds)
    return answer


def python(*arguments: str) -> list[str]:
    """Return the command line of this Python with these arguments."""
    return [sys.executable, *arguments]


class Child:
    """One process; SIGTERM at the end, SIGKILL for it and all below it where that does not help.

    Args:
        speaks: its standard input and output are pipes for us; else its output goes to the log.
        user: whom it runs as; None for as we are.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        speaks: bool = False,
        user: str | None = None,
    ) -> None:
        pipe = subprocess.PIPE if speaks else None
        with log.open("a") as output:
            self.process = subprocess.Popen(
                command,
                cwd="/" if user else ROOT,
                env=dict(environment),
                user=user,
                stdin=pipe or subprocess.DEVNULL,
                stdout=pipe or output,
                stderr=output,
                text=True,
                start_new_session=True,
                preexec_fn=ends_with_parent(),
            )
        self.name = " ".join(command[1:])
        self.log = log

    def read_line(self) -> str:
        """Return the next line that the process writes.

        Raises:
            BenchFailed: it ended instead.
        """
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise BenchFailed(f"{self.name} ended; see {self.log}")
        return line.strip()

    def write_line(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def check_alive(self) -> None:
        if self.process.poll() is not None:
            raise BenchFailed(f"{self.name} ended with {self.process.returncode}; see {self.log}")

    def stop(self) -> None:
        """End it; safe to repeat."""
        below = family(self.process.pid)
        if self.process.poll() is None:
            self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        for process in below:  # it should have taken them along
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(STOP_SECONDS)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all below it; nothing where it has ended."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU time, user and system, that these processes and all below them have taken so far."""
    seconds = 0.0
    for process in {process.pid: process for pid in pids for process in family(pid)}.values():
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system
    return seconds


def rss_mb(pid: int) -> float:
    """Return the memory of a process now, in MiB, pages that it shares included."""
    return float(psutil.Process(pid).memory_info().rss) / 2**20


def peak_rss_mb(pid: int) -> float:
    """Return the most memory that a process ever had, in MiB; the present amount where the system does not tell."""
    return _from_status(pid, "VmHWM") or rss_mb(pid)


def anonymous_mb(pid: int) -> float:
    """Return the memory of a process that is no file's, in MiB; all of it where the system does not tell."""
    return _from_status(pid, "RssAnon") or rss_mb(pid)


def _from_status(pid: int, name: str) -> float | None:
    """Return a size of /proc/PID/status in MiB; None where there is none. Source: proc_pid_status(5)."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) / 1024
    return None
