"""Who watches that the clusters get on."""

import os
import sys
import time
from datetime import timedelta

import psutil
import pytest
from django_q.brokers import Broker, get_broker

from base import clock
from contexts import keeper, tasks
from contexts.doorbell import start_drain
from contexts.engine.claims import process_space, worker_register
from contexts.engine.shared_memory import Pulse, Vacancies, vacancies
from contexts.keeper import ChoresKeeper, DrainKeeper
from contexts.models import Worker, WorkerState
from contexts.patient_broker import PatientBroker
from contexts.states import Status
from tests.contexts.rows import make_context

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(keeper, "RING_AGAIN_SECONDS", 0)
    monkeypatch.setattr(keeper, "STUCK_SECONDS", -1)


def messages() -> int:
    return int(get_broker("contexts").queue_size())


def child_drain(**changes: object) -> Worker:
    """Return the drain of a process below this one."""
    pid = os.spawnl(os.P_NOWAIT, sys.executable, sys.executable, "-c", "import time; time.sleep(60)")
    token = worker_register()
    Worker.objects.filter(pk=token).update(**{"pid": pid, **changes})
    return Worker.objects.get(pk=token)


@pytest.fixture(autouse=True)
def _no_child_stays():
    yield
    for child in psutil.Process().children():
        child.kill()
        child.wait()


def test_rings_do_not_pile_up():
    watch = DrainKeeper(2)
    for _ in range(5):
        watch.look()
    assert messages() == 2


def test_unanswered_ring_means_that_the_queue_is_stuck():
    assert not DrainKeeper(2).is_stuck
    watch = DrainKeeper(2)
    watch.look()
    assert watch.is_stuck
    assert not watch.is_busy


def test_queue_that_is_away_is_not_the_clusters_fault(monkeypatch):
    def broken() -> None:
        raise ConnectionError

    monkeypatch.setattr(keeper, "start_drain", broken)
    watch = DrainKeeper(2)
    watch.look()
    assert not watch.is_stuck


def test_what_a_worker_held_whose_process_is_gone_is_freed_at_once(organization):
    worker = child_drain(pid=2**22 + 1)
    held = make_context(organization, status=Status.PROCESSING, lease_token=worker.pk)
    DrainKeeper(1).look()
    worker.refresh_from_db()
    held.refresh_from_db()
    assert worker.state == WorkerState.BURIED
    assert (held.status, held.worker_losses) == (Status.RETRYING, 1)


def test_worker_that_is_only_an_exit_code_any_more_is_gone():
    worker = child_drain()
    psutil.Process(worker.pid).kill()
    deadline = time.monotonic() + 5
    while psutil.Process(worker.pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
    DrainKeeper(1).look()
    worker.refresh_from_db()
    assert worker.state == WorkerState.BURIED


def test_drain_whose_turn_is_over_is_relieved(settings):
    child_drain(started_at=clock.now() - timedelta(seconds=settings.DRAIN_SECONDS + 1))
    watch = DrainKeeper(1)
    watch.look()
    assert messages() == 1
    assert watch.is_busy


def own_drain() -> Worker:
    return Worker.objects.create(host="h", pid=os.getpid(), process_space=process_space())


def test_one_drain_too_many_leaves_at_once(settings):
    settings.WORKERS = 1
    own_drain()
    assert tasks.drain() == 0
    assert Worker.objects.count() == 1


def test_cluster_that_lacks_nothing_leaves_the_messages_to_others():
    child_drain()
    DrainKeeper(1).look()
    start_drain()
    assert PatientBroker(get_broker("contexts"), vacancies).dequeue() is None
    assert messages() == 1


def test_cluster_takes_a_message_for_each_drain_that_it_lacks():
    DrainKeeper(2).look()
    start_drain()
    broker = PatientBroker(get_broker("contexts"), vacancies)
    taken = [broker.dequeue() for _ in range(3)]
    assert [len(found or ()) for found in taken] == [1, 1, 0]
    assert broker.queue_size() == 1


def test_queue_that_breaks_is_asked_again():
    class Breaking(Broker):
        answers = iter([ConnectionError("cut off"), [("id", "message")]])

        def dequeue(self):
            if isinstance(found := next(self.answers), Exception):
                raise found
            return found

    vacancies.announce(1)
    broker = PatientBroker(Breaking(), vacancies)
    assert broker.dequeue() is None
    assert broker.dequeue() == [("id", "message")]


def test_vacancies_that_a_child_fills_are_seen_in_the_parent():
    ours = Vacancies()
    ours.announce(3)
    if (child := os.fork()) == 0:
        ours.fill(2)
        os._exit(0)
    os.waitpid(child, 0)
    assert ours.number == 1


def test_chores_that_are_no_longer_done_are_noticed(monkeypatch):
    watch = ChoresKeeper()
    assert not watch.is_stuck
    monkeypatch.setattr(keeper, "CHORES_SILENT_SECONDS", -1)
    assert watch.is_stuck


def test_pulse_is_felt_in_the_parent():
    ours = Pulse()
    ours._page[:8] = bytes(8)  # as if nobody had beaten since the machine was started
    assert ours.silent_seconds > 60
    if (child := os.fork()) == 0:
        ours.beat()
        os._exit(0)
    os.waitpid(child, 0)
    assert ours.silent_seconds < 5
