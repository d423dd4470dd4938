"""Two clusters and late workers: whoever lost a lease writes nothing, and no clock decides who lives."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.durability.installation import ROOT, SEED, Installation, wait_until
from tests.fakes.openai_server import FakeOpenAi

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]

LEASE_SECONDS = 6
HELD = "SELECT c._id FROM contexts c JOIN workers w ON c.lease_token = w._id WHERE w.pid = ?"
STATES = "SELECT _id, pid, state FROM workers"
FAKETIME = [Path(f"/usr/lib/{machine}-linux-gnu/faketime/libfaketimeMT.so.1") for machine in ("x86_64", "aarch64")]


@pytest.fixture(scope="module")
def model_server():
    with FakeOpenAi() as server:
        yield server


@pytest.fixture(scope="module")
def installation(tmp_path_factory, model_server):
    settings = {"LEASE_SECONDS": str(LEASE_SECONDS), "HEARTBEAT_SECONDS": "2", "LOOP_BLOCKED_SECONDS": "4"}
    with Installation(tmp_path_factory.mktemp("installation"), model_server, **settings) as running:
        running.wait_for_drains()
        yield running


@pytest.fixture(autouse=True)
def _gate_is_open_again(model_server):
    yield
    model_server.release()


def snapshot(installation: Installation, ids: list[str]) -> list[Any]:
    columns = "_id, status, revision, attempts, updated_at, data, processing, step_runs"
    found = installation.rows(f"SELECT {columns} FROM contexts ORDER BY _id")
    return [row for row in found if row[0] in ids]


def test_worker_that_stood_still_past_its_lease_writes_nothing(installation, model_server):
    calls_before = model_server.calls
    model_server.hold()
    batch = installation.submit(20)
    wait_until(lambda: model_server.calls - calls_before >= 20, seconds=20, what="every model call is on its way")
    late = psutil.Process(installation.busiest())
    late.suspend()
    try:
        held = [pk for (pk,) in installation.rows(HELD, late.pid)]
        assert held
        wait_until(
            lambda: any(context["attempts"] > 1 for context in installation.contexts(batch)),
            seconds=4 * LEASE_SECONDS,
            what="others take over what it had",
        )
        model_server.release()
        assert installation.wait_for_end(batch, seconds=30)["completed"] == 20
        before = snapshot(installation, held)
    finally:
        late.resume()
    wait_until(lambda: not late.is_running() or late.status() == psutil.STATUS_ZOMBIE, seconds=30, what="it gives up")
    assert snapshot(installation, held) == before
    for _, _, _, _, _, _, _, runs in before:
        assert [run["key"] for run in json.loads(runs)] == SEED["pipeline"]


@contextmanager
def cluster_beside(installation: Installation, **environment: str):
    """Run one more contexts cluster against the same database."""
    command = [sys.executable, "manage.py", "worker", "--cluster", "contexts"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**installation.environment, **environment},
        stdout=installation.log,
        stderr=installation.log,
        start_new_session=True,
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


def drains_below(installation: Installation, cluster: psutil.Process) -> dict[int, str]:
    """Return {process id: state} of the drains of a cluster."""
    below = {child.pid for child in cluster.children(recursive=True)}
    return {pid: state for _, pid, state in installation.rows(STATES) if pid in below}


def test_three_clusters_share_the_work_and_double_nothing(installation, model_server):
    calls_before = model_server.calls
    with cluster_beside(installation) as second, cluster_beside(installation) as third:
        wait_until(
            lambda: all(len(drains_below(installation, each)) >= 2 for each in (second, third)),
            seconds=40,
            what="all of them have drains",
        )
        batches = [installation.submit(20) for _ in range(6)]
        assert [installation.wait_for_end(batch, seconds=60)["completed"] for batch in batches] == [20] * 6
        contexts = [context for batch in batches for context in installation.contexts(batch)]
    assert {context["attempts"] for context in contexts} == {1}
    assert model_server.calls - calls_before == 120


@pytest.mark.parametrize("offset", ["+5m", "-5m"])
def test_cluster_whose_clock_is_five_minutes_off_loses_no_lease_and_keeps_none(installation, model_server, offset):
    library = next((str(path) for path in FAKETIME if path.exists()), None)
    assert library, "these tests need libfaketime; run: sudo apt-get install libfaketime"
    faked = {"LD_PRELOAD": library, "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    model_server.hold()
    with cluster_beside(installation, **faked) as skewed:
        wait_until(lambda: len(drains_below(installation, skewed)) >= 2, seconds=40, what="it has drains")
        began = set(drains_below(installation, skewed)) | set(installation.drain_pids())
        calls_before = model_server.calls
        batch = installation.submit(60)
        wait_until(lambda: model_server.calls - calls_before >= 60, seconds=20, what="every model call is on its way")
        beats = "SELECT MIN(beats) FROM workers WHERE state = 'live'"
        target = installation.rows(beats)[0][0] + 2 * LEASE_SECONDS // 2
        wait_until(lambda: installation.rows(beats)[0][0] >= target, seconds=60, what="all have beaten for two leases")
        assert {pid for _, pid, state in installation.rows(STATES) if state == "live"} >= began, "nobody was buried"
        victim = next(iter(drains_below(installation, skewed)))
        os.kill(victim, signal.SIGSTOP)
        wait_until(
            lambda: drains_below(installation, skewed).get(victim) == "buried",
            seconds=3 * LEASE_SECONDS,
            what="the silent one is found dead by whoever watches",
        )
        model_server.release()
        assert installation.wait_for_end(batch, seconds=60)["completed"] == 60
        os.kill(victim, signal.SIGCONT)
