"""The demo as a person starts it: real web server, real workers, an empty data directory."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import requests

from config.listening import free_port, listen

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]
ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 120.0
DROPPED = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "DATABASE_URL", "REDIS_URL", "PRODUCTION", "HOST")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in DROPPED}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATA_DIR": str(tmp_path / "data"),
        "PORT": str(free_port("127.0.0.1", 0)),
        "WORKERS": "1",
    }


def manage(*arguments: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS)


@pytest.fixture
def started(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start ``manage.py`` in the background; what is left at the end is killed."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        with (tmp_path / "output").open("w") as output:
            processes.append(subprocess.Popen(command, env=environment, stdout=output, stderr=output, text=True))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()
    for left in running_below(tmp_path / "data"):
        with suppress(psutil.NoSuchProcess):
            left.kill()


def wait_until(condition: Callable[[], object], seconds: float = LIMIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        threading.Event().wait(0.02)


def is_ready(port: str) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).ok
    except requests.RequestException:
        return False


def running_below(folder: Path) -> list[psutil.Process]:
    """Return the processes whose DATA_DIR is this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("DATA_DIR") == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def test_demo_prints_the_article_twice_and_leaves_nothing_running(environment: dict[str, str], tmp_path: Path):
    for _ in range(2):
        answer = manage("demo", "--exit", environment=environment)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert "# Example Article" in answer.stdout
        assert "## Introduction" in answer.stdout
        assert "written by offline" in answer.stdout
        for step in ("template", "ai_generator", "transformer"):
            assert f"{step:<14} done" in answer.stdout
        assert "/admin/   log in as admin, password " in answer.stdout
    assert running_below(tmp_path / "data") == []


def test_demo_takes_another_port_where_its_own_is_busy(environment: dict[str, str]):
    with listen("127.0.0.1", int(environment["PORT"])):
        answer = manage("demo", "--exit", environment=environment)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"Port {environment['PORT']} is busy; taking " in answer.stdout


def test_demo_that_cannot_start_says_why(environment: dict[str, str]):
    answer = manage("demo", "--exit", environment={**environment, "MAX_IN_FLIGHT": "0"})
    assert answer.returncode == 1
    assert "The server has ended." in answer.stderr
    assert "Set MAX_IN_FLIGHT to at least 1." in answer.stderr


def test_server_refuses_a_busy_port_in_one_line(environment: dict[str, str]):
    with listen("127.0.0.1", int(environment["PORT"])):
        answer = manage("serve", environment=environment)
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert f"Cannot listen on 127.0.0.1 port {environment['PORT']} (Address already in use)" in line


def test_killed_web_server_is_back_and_refuses_nobody(started, environment: dict[str, str], tmp_path: Path):
    supervisor, port = started("serve"), environment["PORT"]
    wait_until(lambda: is_ready(port))
    web = next(p for p in psutil.Process(supervisor.pid).children() if "config.web" in p.cmdline())
    web.kill()
    with socket.create_connection(("127.0.0.1", int(port)), timeout=2):
        pass  # the supervisor holds the listening socket: nobody is refused meanwhile
    assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=30).ok
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(timeout=15) == 0
    assert running_below(tmp_path / "data") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_runs_until_it_is_told_to_stop(
    started, environment: dict[str, str], tmp_path: Path, number: signal.Signals
):
    demo, output = started("demo"), tmp_path / "output"
    wait_until(lambda: "Everything keeps running" in output.read_text())
    assert is_ready(environment["PORT"])
    demo.send_signal(number)
    assert demo.wait(timeout=20) == 0
    assert running_below(tmp_path / "data") == []


def test_killed_demo_takes_its_server_along(started, environment: dict[str, str], tmp_path: Path):
    demo = started("demo")
    wait_until(lambda: is_ready(environment["PORT"]))
    demo.kill()
    wait_until(lambda: not running_below(tmp_path / "data"), seconds=30)
