"""What is sent: small documents that say what ended. The article itself is fetched, by whoever may read it."""

from datetime import datetime
from typing import Any

from base.clock import to_iso
from contexts.models import Batch, Context
from contexts.selectors import BatchProgress
from contexts.webhooks.events import EVENT_OF_END, Event


def context_payload(context: Context) -> dict[str, Any]:
    """Return the payload about a context that has ended."""
    assert context.ended_at is not None  # every end sets it
    data = {
        "id": context.pk,
        "type": context.type,
        "status": context.status,
        "error": context.error,
        "batch_id": context.batch_id,
        "metadata": context.metadata,
        "attempts": context.attempts,
        "revision": context.revision,
        "organization_id": context.organization_id,
        "created_at": to_iso(context.created_at),
        "ended_at": to_iso(context.ended_at),
    }
    return _payload(EVENT_OF_END[context.status], context.ended_at, data)


def batch_payload(batch: Batch, progress: BatchProgress, ended_at: datetime) -> dict[str, Any]:
    """Return the payload about a batch of which nothing is open any more."""
    data = {
        "id": batch.pk,
        "name": batch.name,
        "status": progress.status,
        "total": batch.total,
        "counts": progress.counts,
        "organization_id": batch.organization_id,
        "created_at": to_iso(batch.created_at),
        "ended_at": to_iso(ended_at),
    }
    return _payload(Event.BATCH_FINISHED, ended_at, data)


def test_payload(endpoint_id: str, now: datetime) -> dict[str, Any]:
    """Return the payload of a test."""
    return _payload(Event.TEST, now, {"id": endpoint_id, "message": "Draftline reaches this address."})


def _payload(event: Event, moment: datetime, data: dict[str, Any]) -> dict[str, Any]:
    return {"type": event.value, "timestamp": to_iso(moment), "data": data}
