"""The cluster gets on: when a turn ends while something runs long, and when django-q2's own queue is stuck."""

import os
import signal

import psutil
import pytest

from tests.durability.installation import SEED, Installation, wait_until
from tests.fakes.openai_server import FakeOpenAi

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]


@pytest.fixture
def model_server():
    with FakeOpenAi() as server:
        yield server
        server.release()


def completes(installation: Installation, seconds: float) -> None:
    context = installation.post("contexts", {**SEED, "pipeline": ["template"]})
    wait_until(
        lambda: installation.get(f"contexts/{context['id']}")["status"] == "completed",
        seconds=seconds,
        what=f"{context['id']} completes",
    )


def test_one_long_step_keeps_nobody_waiting_when_the_turn_of_its_drain_ends(tmp_path, model_server):
    with Installation(tmp_path, model_server, WORKERS="1", DRAIN_SECONDS="3") as installation:
        installation.wait_for_drains(1)
        model_server.hold()
        long = installation.post("contexts", SEED)
        wait_until(lambda: model_server.in_flight > 0, seconds=10, what="the model is called")
        (first,) = installation.drain_pids()
        wait_until(lambda: len(installation.drain_pids()) == 2, seconds=15, what="another drain takes over")
        completes(installation, seconds=3)
        assert first in installation.drain_pids(), "it still finishes what it has"
        model_server.release()
        wait_until(
            lambda: installation.get(f"contexts/{long['id']}")["status"] == "completed", seconds=10, what="it completes"
        )
        assert installation.get(f"contexts/{long['id']}")["attempts"] == 1


def test_queue_whose_lock_died_with_a_worker_is_replaced(tmp_path, model_server):
    with Installation(tmp_path, model_server, WORKERS="1") as installation:
        installation.wait_for_drains(1)
        (cluster,) = installation.processes("--cluster contexts")
        (drain,) = installation.drain_pids()
        (sentinel,) = cluster.children()
        for child in sentinel.children():  # the spare one holds the lock of the queue while it waits
            if child.pid != drain and is_worker(child, sentinel):
                child.kill()
        os.kill(drain, signal.SIGKILL)
        completes(installation, seconds=90)


def is_worker(child: psutil.Process, sentinel: psutil.Process) -> bool:
    """Workers are started first; the monitor and the pusher after them."""
    return child.pid in sorted(process.pid for process in sentinel.children())[:2]
