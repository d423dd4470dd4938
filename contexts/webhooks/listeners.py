"""Which organizations want to be told of ends: asked at every end, so it must cost next to nothing.

The answer is shared through Redis and kept by each process for a moment, as components are: an end is announced to
an endpoint that is a second old or older.
"""

import time
from typing import Any

from base.shared_answers import SharedAnswers
from contexts.webhooks.models import WebhookEndpoint

KEPT_SECONDS = 0.4

_answers = SharedAnswers("webhooks")


class Listeners:
    """The organizations with an endpoint that is switched on, as this process was told lately.

    Without a lock, for a fork could copy it taken: two threads that ask at the same moment do no harm.
    """

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()
        self._known_until = 0.0

    def has(self, organization_id: str) -> bool:
        """Tell whether ends of an organization are to be announced."""
        now = time.monotonic()
        if now >= self._known_until:
            self._known = frozenset(_answers.get("organizations", _organizations))
            self._known_until = now + KEPT_SECONDS
        return organization_id in self._known

    def forget(self) -> None:
        """Ask anew next time, in all processes: somebody has changed an endpoint."""
        self._known_until = 0.0
        _answers.forget()


def _organizations() -> list[str]:
    active = WebhookEndpoint.objects.filter(is_active=True).order_by()
    return sorted(set(active.values_list("organization_id", flat=True)))


listeners = Listeners()


def announcement(organization_id: str) -> dict[str, Any]:
    """Return the column that the update of an end sets beside its own, where somebody wants to be told."""
    return {"announce": True} if listeners.has(organization_id) else {}
