"""Takes from django-q2's queue no more than this cluster needs.

All clusters of all machines share one queue. Stock django-q2 1.11 fetches ahead: a cluster whose workers are all busy
takes three more messages and keeps them, while the cluster that rang for a drain waits for it in vain.
"""

import time
from typing import Any

from django_q.brokers import Broker

from contexts.engine.shared_memory import Vacancies

WAIT_SECONDS = 0.2


class PatientBroker:
    """django-q2's broker, whose messages are fetched only while there are vacancies."""

    def __init__(self, broker: Broker, vacancies: Vacancies) -> None:
        self._broker = broker
        self._vacancies = vacancies

    def dequeue(self) -> list[Any] | None:
        """Return what the queue has, if a drain is needed."""
        if not self._vacancies.number:
            time.sleep(WAIT_SECONDS)
            return None
        messages: list[Any] | None = self._broker.dequeue()
        self._vacancies.fill(len(messages or ()))
        return messages

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)
