"""What the moves that people wish for write, one row or a whole batch at a time."""

from datetime import datetime
from typing import Any

from contexts.acts import Act
from contexts.failure import failure
from contexts.move_log import moved
from contexts.states import Move
from contexts.webhooks.listeners import announcement

RETRIED = "somebody set it going again"


def cancelled(now: datetime, organization_id: str, act: Act | None = None) -> dict[str, Any]:
    """Return the columns of a cancelled context: ended, and nobody's any more."""
    return moved(Move.CANCEL, now, act=act) | {
        "lease_token": "",
        "next_retry_at": None,
        "waiting_for": "",
        "ended_at": now,
        **announcement(organization_id),
    }


def retried(now: datetime, act: Act | None = None, **facts: Any) -> dict[str, Any]:
    """Return the columns of a failed context that is set going again: due now, with all its retries before it.

    Args:
        facts: see `contexts.move_log.entry`.
    """
    return moved(Move.RETRY, now, reason=RETRIED, act=act, **facts) | {
        **failure(None),
        "ended_at": None,
        "next_retry_at": now,
        "retry_count": 0,
        "worker_losses": 0,
        "waiting_for": "",
    }
