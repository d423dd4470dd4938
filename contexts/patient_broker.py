"""Takes from django-q2's queue no more than this cluster needs.

All clusters of all machines share one queue. Stock django-q2 1.11 fetches ahead: a cluster whose workers are all busy
takes three more messages and keeps them, while the cluster that rang for a drain waits for it in vain. And where the
queue does not answer, it waits for ten seconds and ends the process that fetches.
"""

import logging
import time
from typing import Any

from django.db import connections
from django_q.brokers import Broker

from contexts.engine.shared_memory import Vacancies

WAIT_SECONDS = 0.2
AWAY_SECONDS = 1.0

logger = logging.getLogger(__name__)


class PatientBroker:
    """django-q2's broker, whose messages are fetched only while there are vacancies."""

    def __init__(self, broker: Broker, vacancies: Vacancies) -> None:
        self._broker = broker
        self._vacancies = vacancies

    def dequeue(self) -> list[Any] | None:
        """Return what the queue has, if a drain is needed; None too where it is away, for it is asked again."""
        if not self._vacancies.number:
            time.sleep(WAIT_SECONDS)
            return None
        try:
            messages: list[Any] | None = self._broker.dequeue()
        except Exception as exc:  # the queue may be in any store, with errors of its own
            logger.warning("queue_away reason=%s", exc)
            connections.close_all()
            time.sleep(AWAY_SECONDS)
            return None
        self._vacancies.fill(len(messages or ()))
        return messages

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)
