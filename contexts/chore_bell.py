"""Wakes who does a kind of chore. A ring that is lost costs up to a minute: the sweep looks too."""

import logging
import time

from django_q.brokers import get_broker
from django_q.tasks import async_task

CLUSTER = "chores"
# Shorter than a turn lingers, so that what comes between two rings is seen by the turn that the first one began.
RING_EVERY_SECONDS = 1.0
# So many rings may lie in the queue while nobody takes them.
RINGS_AT_MOST = 4

logger = logging.getLogger(__name__)


class ChoreBell:
    """Rings at most once a second, or as often as is said.

    Args:
        task: the dotted path of what django-q2 runs.
        name: what the chore is called.
        every_seconds: how long the bell rests after a ring.
    """

    def __init__(self, task: str, name: str, *, every_seconds: float = RING_EVERY_SECONDS) -> None:
        self._task = task
        self._name = name
        self._every_seconds = every_seconds
        self._rest_until = 0.0

    def ring(self) -> None:
        """Make sure that somebody looks soon. Never raises: what is to be done stands in the database."""
        now = time.monotonic()
        if now < self._rest_until:
            return
        self._rest_until = now + self._every_seconds
        try:
            if get_broker(CLUSTER).queue_size() < RINGS_AT_MOST:
                async_task(self._task, cluster=CLUSTER, task_name=self._name)
        except Exception:
            logger.exception("chore_bell_failed chore=%s", self._name)
