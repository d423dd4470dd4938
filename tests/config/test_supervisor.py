"""The supervisor, with real processes: what dies comes back, what is told to stop stops, nothing is left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from config.processes import server_programs

pytestmark = pytest.mark.durability

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 15.0
# A child writes its number under its name; "deaf" ignores SIGTERM, "parent" has a child of its own.
CHILD = """
import os, pathlib, signal, subprocess, sys, time
name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
if name.startswith("deaf"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if name.endswith("parent"):
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
    below = subprocess.Popen([sys.executable, "-c", deaf])
    (folder / "below").write_text(str(below.pid))
if name == "hopeless":
    with (folder / "starts").open("a") as starts:
        starts.write(f"{time.monotonic()}\\n")
    sys.exit(3)
draft = folder / f"{name}.draft"
draft.write_text(str(os.getpid()))
draft.rename(folder / name)
time.sleep(600)
"""
SUPERVISOR = """
import sys
from config.supervisor import Program, Supervisor
child, folder, stop_seconds, *names = sys.argv[1:]
programs = [Program(name, (sys.executable, "-c", child, name, folder)) for name in names]
sys.exit(Supervisor(programs, stop_seconds=float(stop_seconds)).run())
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a supervisor of children with these names; whatever is left at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*names: str, stop_seconds: float = 10) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", SUPERVISOR, CHILD, str(tmp_path), str(stop_seconds), *names]
        started.append(subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        for left in [*_below(process.pid), *_noted(tmp_path)]:
            _kill(left)
        process.kill()
        process.communicate()


def _below(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _noted(folder: Path) -> list[int]:
    return [int(path.read_text()) for path in folder.iterdir() if path.name not in {"starts"} and path.read_text()]


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def wait_until(condition: Callable[[], object], seconds: float = DEADLINE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        threading.Event().wait(0.01)


def pid_in(path: Path) -> int:
    """Return the number that a child writes, once it has."""
    wait_until(lambda: path.exists() and path.read_text())
    return int(path.read_text())


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_child_that_is_killed_comes_back_within_two_seconds(start: Start, tmp_path: Path):
    start("one", "two")
    first, neighbour = pid_in(tmp_path / "one"), pid_in(tmp_path / "two")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: pid_in(tmp_path / "one") != first, seconds=2)
    assert pid_in(tmp_path / "two") == neighbour


def test_what_a_killed_child_left_behind_is_killed(start: Start, tmp_path: Path):
    start("parent")
    first, below = pid_in(tmp_path / "parent"), pid_in(tmp_path / "below")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: is_gone(below))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_everything(start: Start, tmp_path: Path, number: signal.Signals):
    supervisor = start("one", "parent")
    pids = [pid_in(tmp_path / name) for name in ("one", "parent", "below")]
    supervisor.send_signal(number)
    assert supervisor.wait(timeout=DEADLINE_SECONDS) == 0
    wait_until(lambda: all(is_gone(pid) for pid in pids))


def test_child_that_does_not_stop_is_killed_with_its_children(start: Start, tmp_path: Path):
    supervisor = start("deaf_parent", stop_seconds=0.5)
    pids = [pid_in(tmp_path / name) for name in ("deaf_parent", "below")]
    supervisor.terminate()
    assert supervisor.wait(timeout=DEADLINE_SECONDS) == 0
    wait_until(lambda: all(is_gone(pid) for pid in pids))


def test_children_end_when_the_supervisor_is_killed(start: Start, tmp_path: Path):
    supervisor = start("one", "two")
    pids = [pid_in(tmp_path / name) for name in ("one", "two")]
    supervisor.kill()
    wait_until(lambda: all(is_gone(pid) for pid in pids))


def test_child_that_dies_at_once_is_started_with_growing_pauses(start: Start, tmp_path: Path):
    start("hopeless")
    starts = tmp_path / "starts"
    wait_until(lambda: starts.exists() and len(starts.read_text().splitlines()) >= 5)
    moments = [float(line) for line in starts.read_text().splitlines()]
    assert moments[4] - moments[3] > moments[1] - moments[0] + 0.2


def test_server_is_the_web_and_both_clusters():
    programs = server_programs(7)
    assert [program.name for program in programs] == ["web", "worker contexts", "worker chores"]
    assert [program.pass_fds for program in programs] == [(7,), (), ()]
