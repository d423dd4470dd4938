"""The queue is in Redis, and in the database while Redis is away."""

import pytest
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from django_q.tasks import async_task
from django_redis import get_redis_connection

from base import redis_link
from contexts.doorbell import DRAIN_TASK
from contexts.queue_broker import QueueBroker

pytestmark = pytest.mark.django_db


@pytest.fixture
def queue(redis) -> QueueBroker:
    return QueueBroker("contexts")


def is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the time pass until Redis is asked again."""
    monkeypatch.setattr(redis_link, "breaker", redis_link.Breaker())


def test_message_goes_through_redis_under_our_prefix(queue):
    queue.enqueue("a ring")
    assert get_redis_connection().keys() == [b"draftline:queue:contexts"]
    assert queue.queue_size() == 1
    assert queue.dequeue() == [(None, b"a ring")]
    assert queue.dequeue() is None
    assert not OrmQ.objects.exists()


def test_clusters_do_not_take_each_others_messages(queue):
    queue.enqueue("a ring")
    assert QueueBroker("chores").dequeue() is None


def test_message_goes_through_the_database_while_redis_is_away(queue, redis):
    redis.kill()
    assert queue.ping(), "a cluster starts without Redis"
    queue.enqueue("a ring")
    assert queue.queue_size() == 1
    [(key, payload)] = queue.dequeue()
    assert payload == "a ring"
    queue.acknowledge(key)
    assert queue.dequeue() is None
    assert not OrmQ.objects.exists()


def test_message_that_waits_in_the_database_is_found_when_redis_is_back(queue, redis, monkeypatch):
    redis.kill()
    queue.enqueue("from the time without")
    redis.start()
    is_back(monkeypatch)
    queue.enqueue("from now")
    assert [queue.dequeue()[0][1] for _ in range(2)] == [b"from now", "from the time without"]


def test_redis_that_hangs_is_no_error_either(queue, redis):
    redis.pause()
    queue.enqueue("a ring")
    assert queue.dequeue()[0][1] == "a ring"


def test_django_q_takes_messages_of_both_halves(queue, redis, monkeypatch):
    async_task(DRAIN_TASK, broker=queue)
    redis.kill()
    async_task(DRAIN_TASK, broker=queue)
    redis.start()
    is_back(monkeypatch)
    taken = [SignedPackage.loads(queue.dequeue()[0][1])["func"] for _ in range(2)]
    assert taken == [DRAIN_TASK, DRAIN_TASK]
