"""What a client can be told of, and the ids that make telling it safe to repeat. Pure."""

import hashlib
from datetime import datetime
from enum import StrEnum

from ulid import ULID

from contexts.states import Status


class Event(StrEnum):
    """The type of an event, as payloads and endpoints name it."""

    CONTEXT_COMPLETED = "context.completed"
    CONTEXT_FAILED = "context.failed"
    CONTEXT_CANCELLED = "context.cancelled"
    BATCH_FINISHED = "batch.finished"
    TEST = "webhook.test"


# What an endpoint may ask for; a test goes to any.
SUBSCRIBABLE = tuple(event for event in Event if event is not Event.TEST)

EVENT_OF_END: dict[str, Event] = {
    Status.COMPLETED: Event.CONTEXT_COMPLETED,
    Status.FAILED: Event.CONTEXT_FAILED,
    Status.CANCELLED: Event.CONTEXT_CANCELLED,
}


def delivery_id(endpoint_id: str, resource_id: str, occasion: str, moment: datetime) -> str:
    """Return the id of the one delivery that tells an endpoint of an end, whoever asks and how often.

    It sorts by the moment of the end, as ids do that are made by chance.

    Args:
        occasion: tells one end of a resource from a later one, after a retry.
    """
    milliseconds = int(moment.timestamp() * 1000)
    digest = hashlib.sha256("\n".join((endpoint_id, resource_id, occasion)).encode()).digest()
    return f"whd_{ULID.from_bytes(milliseconds.to_bytes(6, 'big') + digest[:10])}"
