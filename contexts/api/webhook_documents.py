"""What the API takes and answers about webhooks."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from base.clock import to_iso
from base.queries import PageQuery
from contexts.api.documents import Time
from contexts.webhooks.endpoints import MAX_DESCRIPTION_LENGTH, MAX_URL_LENGTH
from contexts.webhooks.models import WebhookDelivery, WebhookEndpoint

# Literals, for a client's type checker; a test holds them to contexts.webhooks.events.
Subscribable = Literal["context.completed", "context.failed", "context.cancelled", "batch.finished"]
EventType = Literal["context.completed", "context.failed", "context.cancelled", "batch.finished", "webhook.test"]
State = Literal["pending", "delivered", "failed"]

EXAMPLE_WISH: dict[str, Any] = {
    "url": "https://example.com/hooks/draftline",
    "events": ["context.completed", "context.failed", "batch.finished"],
    "description": "Publishes finished articles",
}
EXAMPLE_ENDPOINT: dict[str, Any] = {
    "id": "whe_01JD8M7Z4Q1V9XKJ3T5N6R8W2C",
    **EXAMPLE_WISH,
    "is_active": True,
    "disabled_reason": "",
    "failing_since": None,
    "organization_id": "org_default",
    "created_at": "2023-05-15T10:30:00Z",
}
EXAMPLE_DELIVERY: dict[str, Any] = {
    "id": "whd_01JD8M7Z4Q1V9XKJ3T5N6R8W2C",
    "webhook_id": "whe_01JD8M7Z4Q1V9XKJ3T5N6R8W2C",
    "event": "context.completed",
    "resource_id": "ctx_01JD8M7Z4Q1V9XKJ3T5N6R8W2C",
    "state": "delivered",
    "attempt_count": 1,
    "next_attempt_at": None,
    "created_at": "2023-05-15T10:35:00Z",
}
EXAMPLE_ATTEMPT: dict[str, Any] = {
    "at": "2023-05-15T10:35:00Z",
    "status": 200,
    "duration_ms": 84,
    "error": "",
    "answer": "ok",
}


# what is wrong with one is said by the service, in better words than a pattern's
Url = Annotated[str, Field(min_length=1, max_length=MAX_URL_LENGTH, json_schema_extra={"pattern": "^https?://[!-~]+$"})]


class WebhookRequest(BaseModel):
    """Where to send what."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": EXAMPLE_WISH})

    url: Annotated[Url, Field(description="An https:// address.")]
    events: Annotated[list[Subscribable], Field(min_length=1, max_length=50, description="What to be told of.")]
    description: Annotated[str, Field(max_length=MAX_DESCRIPTION_LENGTH, description="For people.")] = ""


class WebhookChange(BaseModel):
    """What to change; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"is_active": True}})

    # factories keep defaults out of the schema: a client that fills them in would change what it did not mean
    url: Url = Field(default_factory=str)
    events: list[Subscribable] = Field(default_factory=list, min_length=1, max_length=50)
    description: str = Field(default_factory=str, max_length=MAX_DESCRIPTION_LENGTH)
    is_active: bool = Field(default_factory=bool, strict=True, description="Switched on, it gets what has waited too.")


class Webhook(BaseModel):
    """An address that is told of ends."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_ENDPOINT})

    id: str
    url: str
    events: list[Subscribable]
    description: str
    is_active: bool
    disabled_reason: Annotated[str, Field(description="Why it was switched off, where nobody wished it.")]
    failing_since: Annotated[Time | None, Field(description="When it first failed after its last success.")]
    organization_id: str
    created_at: Time


class WebhookWithSecret(Webhook):
    """A webhook and the secret that signs what is sent; it is shown here, and by no other request."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {**EXAMPLE_ENDPOINT, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="}
        }
    )

    secret: Annotated[
        str, Field(description="Empty where the creating request is repeated after the secret was rotated.")
    ]


class WebhookPage(BaseModel):
    """A page of webhooks, newest first; `next` and `previous` are addresses of pages."""

    results: list[Webhook]
    next: str | None
    previous: str | None


class Attempt(BaseModel):
    """One attempt to deliver."""

    at: Time
    status: Annotated[int | None, Field(description="Of the answer; null where there was none.")]
    duration_ms: int
    error: Annotated[str, Field(description="Why it does not count as delivered; empty where it does.")]
    answer: Annotated[str, Field(description="How the answer's body begins.")]


class DeliverySummary(BaseModel):
    """One event for one webhook, as lists show it."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_DELIVERY})

    id: Annotated[str, Field(description="The webhook-id of every attempt.")]
    webhook_id: str
    event: EventType
    resource_id: Annotated[str, Field(description="The context or batch.")]
    state: Annotated[State, Field(description="failed: given up.")]
    attempt_count: Annotated[int, Field(description="Since it was made, or since it was asked for again.")]
    next_attempt_at: Annotated[
        Time | None, Field(description="While an attempt is under way, when another may be made at the earliest.")
    ]
    created_at: Time


class Delivery(DeliverySummary):
    """One event for one webhook: what was sent, and what came of each attempt."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                **EXAMPLE_DELIVERY,
                "payload": {
                    "type": "context.completed",
                    "timestamp": "2023-05-15T10:35:00Z",
                    "data": {"id": "ctx_01JD8M7Z4Q1V9XKJ3T5N6R8W2C", "status": "completed"},
                },
                "attempts": [EXAMPLE_ATTEMPT],
            }
        }
    )

    payload: dict[str, Any]
    attempts: Annotated[list[Attempt], Field(description="The last 50, oldest first.")]


class DeliveryPage(BaseModel):
    """A page of deliveries, newest first; `next` and `previous` are addresses of pages."""

    results: list[DeliverySummary]
    next: str | None
    previous: str | None


class DeliveryQuery(PageQuery):
    """Which deliveries to list; all that are given must hold."""

    state: State | None = None
    event: EventType | None = None


def webhook_document(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """Return what the API shows of an endpoint: never its secrets."""
    return {
        "id": endpoint.pk,
        "url": endpoint.url,
        "events": endpoint.events,
        "description": endpoint.description,
        "is_active": endpoint.is_active,
        "disabled_reason": endpoint.disabled_reason,
        "failing_since": to_iso(endpoint.failing_since) if endpoint.failing_since else None,
        "organization_id": endpoint.organization_id,
        "created_at": to_iso(endpoint.created_at),
    }


def delivery_summary(delivery: WebhookDelivery) -> dict[str, Any]:
    """Return what lists show of a delivery."""
    return {
        "id": delivery.pk,
        "webhook_id": delivery.endpoint_id,
        "event": delivery.event,
        "resource_id": delivery.resource_id,
        "state": delivery.state,
        "attempt_count": delivery.tries,
        "next_attempt_at": to_iso(delivery.next_attempt_at) if delivery.next_attempt_at else None,
        "created_at": to_iso(delivery.created_at),
    }


def delivery_document(delivery: WebhookDelivery) -> dict[str, Any]:
    """Return a delivery with what was sent and the log of its attempts."""
    return {**delivery_summary(delivery), "payload": delivery.payload, "attempts": delivery.attempts}
