"""What happens when processes die or are asked to stop while contexts run. (Chaos on purpose comes on top of this.)"""

import os
import signal
import time
from datetime import datetime

import pytest

from base.clock import from_iso
from tests.durability.installation import SEED, Installation, wait_until

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]


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
    began = time.monotonic()
    answer = installation.post(f"contexts/{context['id']}/cancel")
    assert answer["status"] == "cancelled"
    assert installation.get(f"contexts/{context['id']}")["status"] == "cancelled"
    wait_until(lambda: model_server.disconnects > disconnects, seconds=1, what="the call is broken off")
    assert time.monotonic() - began < 1
    assert model_server.in_flight == in_flight


def test_killed_web_process_is_back_within_seconds(installation):
    (web,) = installation.processes("config.web")
    web.kill()
    wait_until(lambda: not web.is_running(), seconds=5, what="it is dead")
    wait_until(installation.is_ready, seconds=15, what="the web answers again")


def test_sigterm_hands_contexts_back_and_the_next_start_finishes_them(installation, model_server):
    model_server.latency_seconds = 30
    calls_before = model_server.calls
    batch = installation.submit(100)
    wait_until(lambda: model_server.calls - calls_before >= 100, seconds=30, what="every model call is on its way")
    assert installation.stop() < 10
    assert len(installation.database.contexts(batch_id=batch, status="retrying", lease_token="")) == 100
    model_server.latency_seconds = 0
    installation.start()
    assert installation.wait_for_end(batch, seconds=60)["completed"] == 100
    for row in installation.database.contexts(batch_id=batch):
        assert [row["attempts"], row["retry_count"], row["worker_losses"]] == [2, 0, 0]
        assert [(run["key"], run["attempt"]) for run in row["step_runs"]] == [
            ("template", 1),  # kept
            ("ai_generator", 2),
            ("transformer", 2),
        ]
    assert seconds_from_ready_to_last_pick_up(installation, batch) < 2


def seconds_from_ready_to_last_pick_up(installation: Installation, batch: str) -> float:
    """Return the time from when the first new worker could claim to when the last context's next step began."""
    steps = [run for row in installation.database.contexts(batch_id=batch) for run in row["step_runs"]]
    picked_up = max(from_iso(run["started_at"]) for run in steps if run["key"] == "ai_generator")
    ready: datetime = min(row["started_at"] for row in installation.database.workers(state="live"))
    seconds = (picked_up - ready).total_seconds()
    print(f"picked up within {seconds:.3f} s of the first worker's registration")
    return seconds
