"""Wakes who announces and delivers. A ring that is lost costs up to a minute: the sweep looks too."""

import logging

from django.db import Error

from contexts.chore_bell import ChoreBell
from contexts.webhooks.listeners import listeners

logger = logging.getLogger(__name__)


class Bell(ChoreBell):
    """Rings at most once a second, whatever ends."""

    def ring_for(self, organization_id: str) -> None:
        """Ring where somebody wants to be told of what ends in an organization. Never raises, as `ring`."""
        try:
            if listeners.has(organization_id):
                self.ring()
        except Error:
            logger.exception("webhook_bell_failed")


bell = Bell("contexts.tasks.webhooks", "webhooks")
