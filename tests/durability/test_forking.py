"""django-q2 forks, and no MongoDB client survives that: a cluster starts and stops again and again, and never hangs."""

import signal
import subprocess
import sys
import time

import pytest

from tests.durability.installation import Installation, wait_until
from tests.durability.seed import ROOT
from tests.fakes.openai_server import FakeOpenAi

pytestmark = [
    pytest.mark.durability,
    pytest.mark.timeout(500),
    pytest.mark.mongodb("SQLite has no client that a fork could break"),
]

ROUNDS = 20
CONTEXTS = 200
STOP_SECONDS = 10.0
COMPLAINTS = ("opened before fork", "Traceback")
SUBMIT = f"""
import json
from pathlib import Path
from contexts.batches import batch_submit
from contexts.submission import Submitter
from users.services import organization_default
seed = json.loads(Path("tests/seed/1-initial.json").read_text())
batch_submit([seed] * {CONTEXTS}, submitter=Submitter(organization_default().pk))
"""


def start_cluster(installation: Installation, in_flight: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "manage.py", "worker", "--cluster", "contexts"]
    environment = {**installation.environment, "WORKERS": "1", "MAX_IN_FLIGHT": str(in_flight)}
    log = installation.log
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)


def stop_cluster(cluster: subprocess.Popen[bytes], how: signal.Signals) -> float:
    """Stop it, or kill it; return how many seconds that took."""
    began = time.monotonic()
    cluster.send_signal(how)
    cluster.wait(timeout=STOP_SECONDS)
    return time.monotonic() - began


def test_cluster_that_starts_and_stops_twenty_times_never_hangs_and_loses_nothing(tmp_path):
    with FakeOpenAi(latency_seconds=0.5) as model_server:
        installation = Installation(tmp_path, model_server)
        try:
            for command in (["migrate", "-v0"], ["loadsamples", "-v0"], ["shell", "-v0", "-c", SUBMIT]):
                installation.manage(*command)
            seconds = [one_round(installation, number) for number in range(ROUNDS)]
            print(f"stopped within {max(seconds):.1f} s at most")
            finish(installation)
            log = (tmp_path / "server.log").read_text()
        finally:
            installation.database.close()
            installation.log.close()
    assert [line for line in log.splitlines() if any(word in line for word in COMPLAINTS)] == []


def one_round(installation: Installation, number: int) -> float:
    """Start a cluster and end it while contexts run: it is asked to, or killed, by turns."""
    cluster = start_cluster(installation, in_flight=3)
    try:
        wait_until(lambda: any(installation.drain_pids().values()), seconds=60, what="contexts run")
        return stop_cluster(cluster, signal.SIGKILL if number % 2 else signal.SIGTERM)
    finally:
        cluster.kill()
        cluster.wait()


def finish(installation: Installation) -> None:
    cluster = start_cluster(installation, in_flight=CONTEXTS)
    try:
        wait_until(
            lambda: len(installation.database.contexts(status="completed")) == CONTEXTS,
            seconds=120,
            what="all contexts complete",
        )
    finally:
        stop_cluster(cluster, signal.SIGTERM)
