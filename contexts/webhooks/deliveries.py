"""What becomes of deliveries: found, claimed, noted, asked for again. One conditional UPDATE a move.

A delivery is due from ``next_attempt_at`` on. Who wants to send it puts that off, if it still is what was read: so of
two that want it one gets it, and what a process took that died is due again when its hold is over.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from base import clock
from base.clock import to_iso
from base.ids import ID_MAX_LENGTH, first_id_at
from base.problems import Conflict, NotFound
from base.turns import write_soon
from contexts.webhooks.bell import bell
from contexts.webhooks.endpoints import deliveries_unpark, endpoint_give_up
from contexts.webhooks.events import Event
from contexts.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from contexts.webhooks.rotation import secrets_reencrypt
from contexts.webhooks.schedule import PATIENCE, wait_after
from contexts.webhooks.sending import GONE, Outcome

# Longer than an attempt takes, with looking up a name. One that takes longer all the same may come twice.
HELD = timedelta(seconds=45)
KEPT = timedelta(days=30)
ATTEMPTS_KEPT = 50
PRUNED_AT_ONCE = 1000


def deliveries_visible(organization_id: str | None) -> QuerySet[WebhookDelivery]:
    """Return the deliveries of an organization; None means of all."""
    rows = WebhookDelivery.objects.all()
    return rows if organization_id is None else rows.filter(organization_id=organization_id)


def deliveries_find(
    endpoint: WebhookEndpoint, *, state: str | None = None, event: str | None = None
) -> QuerySet[WebhookDelivery]:
    """Return the deliveries of an endpoint that fit, as lists show them: without what was sent and answered."""
    wanted = {name: value for name, value in (("state", state), ("event", event)) if value is not None}
    return WebhookDelivery.objects.filter(endpoint_id=endpoint.pk, **wanted).defer("payload", "attempts")


def delivery_get(delivery_id: str, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Return one delivery of an endpoint.

    Raises:
        NotFound: it has none of this id.
    """
    delivery = WebhookDelivery.objects.filter(pk=delivery_id, endpoint_id=endpoint.pk).first()
    if delivery is None:
        raise _not_found(delivery_id, endpoint.pk)
    delivery.endpoint = endpoint
    return delivery


def _not_found(delivery_id: str, endpoint_id: str) -> NotFound:
    return NotFound(f"There is no delivery {delivery_id[:ID_MAX_LENGTH]!r} of {endpoint_id}.")


def deliveries_due(now: datetime, *, busy: Collection[str], most: int) -> list[WebhookDelivery]:
    """Return what is due, the longest due first, but for endpoints that are busy."""
    due = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, next_attempt_at__lte=now)
    due = due.exclude(endpoint_id__in=list(busy)) if busy else due
    return list(due.order_by("next_attempt_at")[:most])


def next_due_at() -> datetime | None:
    """Return when the next delivery is due that waits for a time."""
    pending = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, next_attempt_at__isnull=False)
    return pending.order_by("next_attempt_at").values_list("next_attempt_at", flat=True).first()


def delivery_claim(delivery: WebhookDelivery, now: datetime) -> bool:
    """Take the sole right to send a delivery for a while; False where somebody was faster."""
    held_until = now + HELD
    rows = _as_read(delivery)
    if not write_soon(lambda: rows.update(next_attempt_at=held_until)):
        return False
    delivery.next_attempt_at = held_until
    return True


def delivery_park(delivery: WebhookDelivery) -> None:
    """Keep a delivery for an endpoint that is switched off."""
    _as_read(delivery).update(next_attempt_at=None)


def _as_read(delivery: WebhookDelivery) -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(
        pk=delivery.pk, state=DeliveryState.PENDING, next_attempt_at=delivery.next_attempt_at
    )


def deliveries_forget(endpoint_ids: Collection[str]) -> None:
    """Remove what was stored for endpoints while they were removed; only MongoDB lets that happen."""
    WebhookDelivery.objects.filter(endpoint_id__in=list(endpoint_ids)).delete()


def delivery_note(delivery: WebhookDelivery, outcome: Outcome) -> None:
    """Write down what came of an attempt, and what follows for its endpoint.

    The number of tries fences: of two that sent the same, because the first took too long, one is written down.
    """
    now = clock.now()
    tries = delivery.tries + 1
    entry = {
        "at": to_iso(now),
        "status": outcome.status,
        "duration_ms": outcome.duration_ms,
        "error": outcome.error,
        "answer": outcome.answer,
    }
    values: dict[str, Any] = {"attempts": [*delivery.attempts, entry][-ATTEMPTS_KEPT:], "tries": tries}
    values |= _what_follows(delivery, outcome, tries, now)
    rows = WebhookDelivery.objects.filter(pk=delivery.pk, state=DeliveryState.PENDING, tries=delivery.tries)
    write_soon(lambda: rows.update(**values))
    _note_endpoint(delivery, outcome, now)


def _what_follows(delivery: WebhookDelivery, outcome: Outcome, tries: int, now: datetime) -> dict[str, Any]:
    if outcome.is_delivered:
        return {"state": DeliveryState.DELIVERED, "next_attempt_at": None}
    wait = None if delivery.event == Event.TEST else wait_after(tries)  # whoever tests looks at once
    if wait is None:
        return {"state": DeliveryState.FAILED, "next_attempt_at": None}
    return {"next_attempt_at": clock.cut_to_milliseconds(now + wait)}


def _note_endpoint(delivery: WebhookDelivery, outcome: Outcome, now: datetime) -> None:
    """Count how long an endpoint has failed; switch it off where it asks for it, or has failed for too long."""
    rows = WebhookEndpoint.objects.filter(pk=delivery.endpoint_id)
    if outcome.is_delivered:
        if rows.exclude(failing_since=None).exists():  # a write that changes nothing costs SQLite's lock all the same
            rows.update(failing_since=None)
        return
    if outcome.status == GONE:
        endpoint_give_up(delivery.endpoint_id, "It answered 410: it is gone for good.")
        return
    if delivery.event == Event.TEST or rows.filter(failing_since=None).update(failing_since=now):
        return
    if rows.filter(failing_since__lte=now - PATIENCE).exists():
        reason = f"It has failed for {PATIENCE.days} days without a success. The last reason: {outcome.error}"
        endpoint_give_up(delivery.endpoint_id, reason[:300])


def delivery_redeliver(delivery: WebhookDelivery) -> WebhookDelivery:
    """Send a delivery again at once, under the same id; with all its retries before it.

    Raises:
        Conflict: its endpoint is switched off, or an attempt has just ended.
        NotFound: it was removed meanwhile.
    """
    if not delivery.endpoint.is_active:
        raise Conflict(f"{delivery.endpoint_id} is switched off; switch it on first.")
    rows = WebhookDelivery.objects.filter(
        pk=delivery.pk, state=delivery.state, tries=delivery.tries, next_attempt_at=delivery.next_attempt_at
    )
    again = {"state": DeliveryState.PENDING, "tries": 0, "next_attempt_at": clock.now()}
    if not write_soon(lambda: rows.update(**again)):
        raise Conflict(f"{delivery.pk} has changed meanwhile; look at it again.")
    bell.ring()
    try:
        delivery.refresh_from_db()
    except WebhookDelivery.DoesNotExist:
        raise _not_found(delivery.pk, delivery.endpoint_id) from None
    return delivery


def webhooks_repair() -> int:
    """Mend what crashes left and remove what is old; the sweep calls it. Return how many deliveries were mended."""
    secrets_reencrypt()
    _prune()
    parked = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, next_attempt_at=None).order_by()
    waiting_for = set(parked.values_list("endpoint_id", flat=True).distinct())
    active = WebhookEndpoint.objects.filter(pk__in=waiting_for, is_active=True)
    ids = list(active.values_list("pk", flat=True))
    return deliveries_unpark(ids) if ids else 0


def _prune() -> None:
    """Remove what ended long ago. Ids sort by time, so the primary key finds it."""
    old = WebhookDelivery.objects.filter(pk__lt=first_id_at("whd", clock.now() - KEPT)).order_by("pk")
    ids = list(old.values_list("pk", flat=True)[:PRUNED_AT_ONCE])
    WebhookDelivery.objects.filter(pk__in=ids).delete()
