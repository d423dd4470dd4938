"""Wakes who works at operations on many. A ring that is lost costs up to a minute: the sweep looks too."""

import logging

from django_q.brokers import get_broker
from django_q.tasks import async_task

TASK = "contexts.tasks.bulk"
CLUSTER = "chores"
# So many messages may lie in the queue of chores while nobody takes them.
RINGS_AT_MOST = 4

logger = logging.getLogger(__name__)


def ring() -> None:
    """Make sure that somebody works soon. Never raises: what is to be done stands in the database."""
    try:
        if get_broker(CLUSTER).queue_size() < RINGS_AT_MOST:
            async_task(TASK, cluster=CLUSTER, task_name="bulk")
    except Exception:
        logger.exception("bulk_bell_failed")
