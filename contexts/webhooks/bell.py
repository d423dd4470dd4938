"""Wakes who announces and delivers. A ring that is lost costs up to a minute: the sweep looks too."""

import logging
import time

from django.db import Error
from django_q.brokers import get_broker
from django_q.tasks import async_task

from contexts.webhooks.listeners import listeners

TASK = "contexts.tasks.webhooks"
CLUSTER = "chores"
# Shorter than a turn lingers, so that what ends between two rings is seen by the turn that the first one began.
RING_EVERY_SECONDS = 1.0
# So many rings may lie in the queue while nobody takes them.
RINGS_AT_MOST = 4

logger = logging.getLogger(__name__)


class Bell:
    """Rings at most once a second, whatever ends."""

    def __init__(self) -> None:
        self._rest_until = 0.0

    def ring_for(self, organization_id: str) -> None:
        """Ring where somebody wants to be told of what ends in an organization. Never raises, as `ring`."""
        try:
            if listeners.has(organization_id):
                self.ring()
        except Error:
            logger.exception("webhook_bell_failed")

    def ring(self) -> None:
        """Make sure that somebody looks soon. Never raises: what is to be told stands in the database."""
        now = time.monotonic()
        if now < self._rest_until:
            return
        self._rest_until = now + RING_EVERY_SECONDS
        try:
            if get_broker(CLUSTER).queue_size() < RINGS_AT_MOST:
                async_task(TASK, cluster=CLUSTER, task_name="webhooks")
        except Exception:
            logger.exception("webhook_bell_failed")


bell = Bell()
