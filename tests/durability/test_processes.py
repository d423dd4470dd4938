"""What happens when processes die or are asked to stop while contexts run. (Chaos on purpose comes on top of this.)"""

import os
import signal
import time

import pytest

from tests.durability.installation import SEED, Installation, wait_until
from tests.fakes.openai_server import FakeOpenAi

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def model_server():
    with FakeOpenAi() as server:
        yield server


@pytest.fixture(scope="module")
def installation(tmp_path_factory, model_server):
    with Installation(tmp_path_factory.mktemp("installation"), model_server) as running:
        running.wait_for_drains()
        yield running


@pytest.fixture(autouse=True)
def _gate_is_open_again(model_server):
    yield
    model_server.release()


def test_submitted_context_is_worked_at_once(installation):
    began = time.monotonic()
    context = installation.post("contexts", SEED)
    wait_until(
        lambda: installation.get(f"contexts/{context['id']}")["status"] == "completed", seconds=10, what="it completes"
    )
    assert time.monotonic() - began < 5


def test_killed_worker_loses_no_context_and_repeats_no_finished_step(installation, model_server):
    calls_before = model_server.calls
    model_server.hold()
    batch = installation.submit(40)
    wait_until(lambda: model_server.calls - calls_before >= 40, seconds=20, what="every model call is on its way")
    os.kill(installation.busiest(), signal.SIGKILL)
    wait_until(
        lambda: any(context["attempts"] > 1 for context in installation.contexts(batch)),
        seconds=30,
        what="contexts of the dead worker are picked up again",
    )
    model_server.release()
    assert installation.wait_for_end(batch, seconds=60)["completed"] == 40
    for context in installation.contexts(batch):
        runs = installation.get(f"contexts/{context['id']}/steps")["results"]
        finished = [run["key"] for run in runs if run["outcome"] == "completed"]
        assert finished == ["template", "ai_generator", "transformer"]
        assert runs[0]["attempt"] == 1, "the template step was done before the kill"
    assert model_server.calls - calls_before <= 80


def test_cancel_aborts_the_model_call(installation, model_server):
    disconnects = model_server.disconnects
    in_flight = model_server.in_flight
    model_server.hold()
    context = installation.post("contexts", SEED)
    wait_until(lambda: model_server.in_flight > in_flight, seconds=10, what="the model is called")
    answer = installation.post(f"contexts/{context['id']}/cancel")
    assert answer["status"] == "cancelled"
    wait_until(lambda: model_server.disconnects > disconnects, seconds=2, what="the call is broken off")
    assert installation.get(f"contexts/{context['id']}")["status"] == "cancelled"


def test_killed_web_process_is_back_within_seconds(installation):
    (web,) = installation.processes("config.web")
    web.kill()
    wait_until(lambda: not web.is_running(), seconds=5, what="it is dead")
    wait_until(installation.is_ready, seconds=15, what="the web answers again")


def test_sigterm_hands_contexts_back_and_the_next_start_finishes_them(installation, model_server):
    model_server.hold()
    calls_before = model_server.calls
    batch = installation.submit(20)
    wait_until(lambda: model_server.calls - calls_before >= 20, seconds=20, what="every model call is on its way")
    assert installation.stop() < 10
    model_server.release()
    installation.start()
    assert installation.wait_for_end(batch, seconds=60)["completed"] == 20
    for context in installation.contexts(batch):
        assert context["retry_count"] == 0
        assert context["attempts"] == 2
