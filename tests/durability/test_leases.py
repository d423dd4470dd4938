"""Two clusters and late workers: whoever lost a lease writes nothing, and no clock decides who lives."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import psutil
import pytest

from tests.durability.database import Row
from tests.durability.installation import SEED, Installation, wait_until
from tests.durability.seed import ROOT
from tests.fakes.openai_server import FakeOpenAi

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]

LEASE_SECONDS = 6
HEARTBEAT_SECONDS = 2
# libfaketime breaks the sleeps and semaphores of Python 3.11 (EINVAL); so the offset goes where a database's would.
SKEW = """
import os, time
from datetime import UTC, datetime, timedelta
from base import clock
moment = datetime.now(UTC) + timedelta(minutes=float(os.environ["SKEW_MINUTES"]))
clock.follow(moment, asked_at=time.monotonic(), answered_at=time.monotonic())
"""


@pytest.fixture(scope="module")
def installation(tmp_path_factory, model_server):
    settings = {
        "LEASE_SECONDS": str(LEASE_SECONDS),
        "HEARTBEAT_SECONDS": str(HEARTBEAT_SECONDS),
        "LOOP_BLOCKED_SECONDS": "4",
    }
    with Installation(tmp_path_factory.mktemp("installation"), model_server, **settings) as running:
        running.wait_for_drains()
        yield running


def snapshot(installation: Installation, ids: list[str]) -> list[Row]:
    return [row for context_id in ids for row in installation.database.contexts(_id=context_id)]


def test_worker_that_stood_still_past_its_lease_writes_nothing(installation, model_server):
    calls_before = model_server.calls
    model_server.hold()
    batch = installation.submit(20)
    wait_until(lambda: model_server.calls - calls_before >= 20, seconds=20, what="every model call is on its way")
    late = psutil.Process(installation.busiest())
    late.suspend()
    try:
        held = installation.held_by(late.pid)
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
    for row in before:
        assert [run["key"] for run in row["step_runs"]] == SEED["pipeline"]


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
    return {row["pid"]: row["state"] for row in installation.database.workers() if row["pid"] in below}


def test_three_clusters_whose_clocks_are_minutes_apart_share_the_work_and_keep_their_leases(
    installation, model_server, tmp_path
):
    (tmp_path / "sitecustomize.py").write_text(SKEW)  # Python imports it before anything else
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    with (
        cluster_beside(installation, PYTHONPATH=path, SKEW_MINUTES="5") as ahead,
        cluster_beside(installation, PYTHONPATH=path, SKEW_MINUTES="-5") as behind,
    ):
        wait_until(
            lambda: all(drains_below(installation, each) for each in (ahead, behind)),
            seconds=60,
            what="all clusters have drains",
        )
        share_the_work(installation, model_server)
        keep_their_leases(installation)
        for cluster in (ahead, behind):
            silent_one_is_found(installation, cluster)


def share_the_work(installation: Installation, model_server: FakeOpenAi) -> None:
    calls_before = model_server.calls
    batches = [installation.submit(20) for _ in range(6)]
    assert [installation.wait_for_end(batch, seconds=60)["completed"] for batch in batches] == [20] * 6
    contexts = [context for batch in batches for context in installation.contexts(batch)]
    assert {context["attempts"] for context in contexts} == {1}
    assert model_server.calls - calls_before == 120


def keep_their_leases(installation: Installation) -> None:
    """Let everybody beat for two leases; nobody is taken for dead."""
    live = {row["pid"] for row in installation.database.workers(state="live")}
    target = fewest_beats(installation) + 2 * LEASE_SECONDS // HEARTBEAT_SECONDS
    wait_until(lambda: fewest_beats(installation) >= target, seconds=60, what="all have beaten for two leases")
    assert {row["pid"] for row in installation.database.workers(state="live")} >= live


def fewest_beats(installation: Installation) -> int:
    return min(int(row["beats"]) for row in installation.database.workers(state="live"))


def silent_one_is_found(installation: Installation, cluster: psutil.Process) -> None:
    victim = psutil.Process(next(iter(drains_below(installation, cluster))))
    victim.suspend()
    try:
        wait_until(
            lambda: drains_below(installation, cluster).get(victim.pid) == "buried",
            seconds=3 * LEASE_SECONDS,
            what="whoever watches takes it for dead",
        )
    finally:
        victim.resume()
