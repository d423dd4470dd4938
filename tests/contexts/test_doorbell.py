"""The doorbell wakes a worker, or leaves it to one that listens."""

from datetime import timedelta

import pytest
from django_q.brokers import get_broker

from base import clock
from contexts.doorbell import Doorbell
from contexts.models import Worker, WorkerState
from contexts.services import context_submit
from contexts.submission import ContextSubmission, Submitter

pytestmark = pytest.mark.django_db


def make_worker(**fields):
    return Worker.objects.create(**({"host": "h", "pid": 1} | fields))


def messages():
    return get_broker("contexts").queue_size()


def test_without_a_worker_the_queue_is_rung_once():
    bell = Doorbell()
    for _ in range(5):
        bell.ring()
    assert messages() == 1


def test_a_live_worker_needs_no_ringing():
    make_worker()
    Doorbell().ring()
    assert messages() == 0


@pytest.mark.parametrize(
    "fields", [{"state": WorkerState.STOPPED}, {"heartbeat_at": clock.now() - timedelta(seconds=20)}]
)
def test_a_worker_that_is_gone_does_not_count(fields):
    make_worker(**fields)
    Doorbell().ring()
    assert messages() == 1


def test_someone_who_listens_is_asked_for_once_in_a_while(django_assert_num_queries):
    make_worker()
    bell = Doorbell()
    bell.ring()
    with django_assert_num_queries(0):
        bell.ring()


def test_a_broken_queue_does_not_lose_a_context(organization, monkeypatch):
    def broken(self: Doorbell) -> None:
        raise ConnectionError

    monkeypatch.setattr(Doorbell, "_ring", broken)
    submission = ContextSubmission.model_validate({"type": "article", "pipeline": ["template"]})
    _, is_new = context_submit(submission, submitter=Submitter(organization.pk))
    assert is_new
