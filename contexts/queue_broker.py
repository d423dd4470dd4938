"""django-q2's queue in Redis, and in the database for as long as Redis is away.

Stock django-q2 1.11 does not start a cluster whose Redis is away, leaves the queue alone for ten seconds after an
error, and keeps its messages under keys without our prefix. Here a message goes into the table that serves where there
is no Redis, and whoever finds the list in Redis empty looks there too. Messages carry nothing, so it does not matter
that those in Redis are lost with it.
"""

from typing import Any

from django_q.brokers import Broker
from django_q.brokers.orm import ORM
from django_redis import get_redis_connection
from redis import Redis
from redis.exceptions import RedisError

from base.redis_link import PREFIX, ask

# Shorter than the time-out of the connection, which would end it.
LISTEN_SECONDS = 0.25


class QueueBroker(Broker):
    """The broker of every cluster where REDIS_URL is set."""

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self._table = ORM(self.list_key)
        self._redis_key = f"{PREFIX}queue:{self.list_key}"

    @staticmethod
    def get_connection(list_key: str | None = None) -> Redis:
        connection: Redis = get_redis_connection()
        return connection

    def enqueue(self, task: str) -> Any:
        """Put a message into the queue; return its place or its row's id."""
        return ask(lambda redis: redis.rpush(self._redis_key, task), None) or self._table.enqueue(task)

    def dequeue(self) -> list[tuple[Any, Any]] | None:
        """Return the next message as (id, payload), None where none comes within a moment.

        What lies in the table waits for an empty list. A message from Redis has no id, for it is gone from there.
        """
        try:
            found = self.connection.blpop([self._redis_key], LISTEN_SECONDS)
        except RedisError:  # the breaker has logged it
            found = None
        if found:
            return [(None, found[1])]
        messages: list[tuple[Any, Any]] | None = self._table.dequeue()
        return messages

    def queue_size(self) -> int:
        return int(ask(lambda redis: redis.llen(self._redis_key), 0)) + int(self._table.queue_size())

    def lock_size(self) -> int:
        return int(self._table.lock_size())

    def acknowledge(self, task_id: Any) -> None:
        self._table.acknowledge(task_id)

    def fail(self, task_id: Any) -> None:
        self._table.fail(task_id)

    def delete(self, task_id: Any) -> None:
        self._table.delete(task_id)

    def purge_queue(self) -> None:
        ask(lambda redis: redis.delete(self._redis_key), 0)
        self._table.purge_queue()

    def delete_queue(self) -> None:
        self.purge_queue()

    def ping(self) -> bool:
        """Say that the queue works; one half of it always does."""
        return True

    def info(self) -> str:
        return "Redis, and the database while that is away"
