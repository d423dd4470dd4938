"""Webhooks of a whole installation: quick where nothing breaks, complete and without doubles whatever is killed."""

import signal
import time
from collections import Counter
from collections.abc import Iterator

import psutil
import pytest
from standardwebhooks.webhooks import Webhook

from tests.contexts.webhooks.receiver import Receiver, stay_silent
from tests.durability.installation import SEED, Installation, wait_until

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]
EVENTS = ["context.completed", "context.failed", "context.cancelled", "batch.finished"]


@pytest.fixture(scope="module")
def hooked(tmp_path_factory, model_server) -> Iterator[Installation]:
    """An installation that may send to this machine."""
    data_dir = tmp_path_factory.mktemp("webhooks")
    with Installation(data_dir, model_server, WEBHOOKS_ALLOW_PRIVATE="1") as running:
        running.wait_for_drains()
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def secret(hooked: Installation, receiver: Receiver) -> str:
    made = hooked.post("webhooks", {"url": receiver.url, "events": EVENTS})
    time.sleep(1.0)  # it counts for what ends a second later
    return str(made["secret"])


def chores(installation: Installation) -> psutil.Process:
    [found] = installation.processes("chores")
    return found


def ended_unannounced(installation: Installation) -> int:
    return sum(bool(row["announce"]) for row in installation.database.contexts(status="completed"))


def test_end_is_told_within_seconds_and_verifies(hooked, receiver, secret):
    context = hooked.post("contexts", {**SEED, "metadata": {"order": 7}})
    wait_until(lambda: hooked.get(f"contexts/{context['id']}")["status"] == "completed", seconds=20, what="it ends")
    began = time.monotonic()
    wait_until(lambda: receiver.requests, seconds=10, what="the webhook comes")
    print(f"told {time.monotonic() - began:.2f} s after the end was seen")
    headers, body = receiver.requests[0]
    payload = Webhook(secret).verify(body, headers)
    assert (payload["type"], payload["data"]["id"]) == ("context.completed", context["id"])
    assert payload["data"]["metadata"] == {"order": 7}


def test_batch_is_told_completely_and_once(hooked, receiver, secret):
    batch = hooked.submit(60)
    hooked.wait_for_end(batch, seconds=60)
    wait_until(lambda: len(set(receiver.ids)) >= 61, seconds=30, what="all are told")
    assert Counter(receiver.types) == {"context.completed": 60, "batch.finished": 1}
    assert len(receiver.ids) == 61


def test_power_cut_between_end_and_announcement_loses_and_doubles_nothing(hooked, receiver, secret):
    stopped = [chores(hooked), *chores(hooked).children(recursive=True)]
    for process in stopped:  # nobody announces
        process.send_signal(signal.SIGSTOP)
    batch = hooked.submit(30)
    hooked.wait_for_end(batch, seconds=60)
    assert ended_unannounced(hooked) == 30
    assert receiver.requests == []
    hooked.kill_everything()
    hooked.start()
    wait_until(lambda: len(set(receiver.ids)) >= 31, seconds=90, what="all are told")
    wait_until(lambda: ended_unannounced(hooked) == 0, seconds=10, what="the marks are gone")
    assert Counter(receiver.types) == {"context.completed": 30, "batch.finished": 1}


def test_delivery_whose_process_is_killed_comes_again_under_its_id(hooked, receiver, secret):
    receiver.behave = stay_silent(receiver)
    hooked.post("contexts", SEED)
    wait_until(lambda: receiver.requests, seconds=20, what="an attempt is under way")
    chores(hooked).kill()
    receiver.behave = None
    wait_until(lambda: len(receiver.requests) >= 2, seconds=130, what="it is taken up")
    assert len(set(receiver.ids)) == 1
