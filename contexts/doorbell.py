"""Wakes a worker when there is something to do. A ring that is lost or doubled changes nothing.

A live drain listens to the database or to Redis by itself; django-q2 is rung only where none was seen lately.
"""

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django_q.tasks import async_task

from base import clock
from contexts.engine.subscriber import tell_listeners
from contexts.models import Worker, WorkerState

DRAIN_TASK = "contexts.tasks.drain"
CONTEXTS_CLUSTER = "contexts"
TRUST_SECONDS = 2.0

logger = logging.getLogger(__name__)


class Doorbell:
    """Remembers for two seconds that somebody is listening, so that a submission costs no query."""

    def __init__(self) -> None:
        self._listening_until = 0.0

    def ring(self) -> None:
        """Make sure that a drain looks at the contexts soon. Never raises: the row is stored, the sweep finds it."""
        try:
            if not tell_listeners() and time.monotonic() >= self._listening_until:
                self._ring()
        except Exception:
            logger.exception("doorbell_failed")

    def _ring(self) -> None:
        if drain_is_live():
            self._listening_until = time.monotonic() + TRUST_SECONDS
            return
        start_drain()
        # one ring is enough for whatever else comes in meanwhile
        self._listening_until = time.monotonic() + TRUST_SECONDS


def drains_live() -> QuerySet[Worker]:
    """Return the drains that were heard of within a lease. A hint: their clocks may differ from ours."""
    since = clock.now() - timedelta(seconds=settings.LEASE_SECONDS)
    return Worker.objects.filter(state=WorkerState.LIVE, heartbeat_at__gt=since)


def drains_claiming() -> QuerySet[Worker]:
    """Return the live drains that still claim: after its turn a drain only finishes what it has."""
    return drains_live().filter(started_at__gt=clock.now() - timedelta(seconds=settings.DRAIN_SECONDS))


def drain_is_live() -> bool:
    """Tell whether a drain listens for work."""
    return drains_claiming().exists()


def start_drain() -> None:
    """Put the message into the queue that starts a drain."""
    async_task(DRAIN_TASK, cluster=CONTEXTS_CLUSTER, task_name="drain")


doorbell = Doorbell()
