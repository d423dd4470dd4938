"""Every wish about endpoints: make, change, switch, test, remove. Their secrets are in rotation.py."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError
from django.db.models import Q, QuerySet

from base import clock
from base.addresses import is_literal, is_public
from base.encryption import encrypt
from base.inserting import insert
from base.problems import Conflict, Fault, InvalidInput
from contexts.webhooks.bell import bell
from contexts.webhooks.events import SUBSCRIBABLE, Event
from contexts.webhooks.listeners import listeners
from contexts.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint, new_endpoint_id
from contexts.webhooks.payloads import test_payload
from contexts.webhooks.rotation import endpoint_first_secret, endpoint_not_found
from contexts.webhooks.secrets import new_secret
from users.idempotency import Idempotency

MOST_ENDPOINTS = 20
MAX_URL_LENGTH = 2000
MAX_DESCRIPTION_LENGTH = 200

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EndpointWish:
    """What an endpoint is to be."""

    url: str
    events: Sequence[str]
    description: str = ""


def endpoints_visible(organization_id: str | None) -> QuerySet[WebhookEndpoint]:
    """Return the endpoints of an organization; None means of all."""
    rows = WebhookEndpoint.objects.all()
    return rows if organization_id is None else rows.filter(organization_id=organization_id)


def endpoints_of(organization_ids: Sequence[str], *, failing: bool) -> list[str]:
    """Return the ids of the endpoints of some organizations and, where wished, of all that fail."""
    wanted = Q(organization_id__in=list(organization_ids))
    if failing:
        wanted |= Q(failing_since__isnull=False)
    if not organization_ids and not failing:
        return []
    return list(WebhookEndpoint.objects.filter(wanted).order_by().values_list("pk", flat=True))


def endpoint_get(endpoint_id: str, organization_id: str | None) -> WebhookEndpoint:
    """Return one endpoint.

    Raises:
        NotFound: there is none, or it is another organization's.
    """
    endpoint = endpoints_visible(organization_id).filter(pk=endpoint_id).first()
    if endpoint is None:
        raise endpoint_not_found(endpoint_id)
    return endpoint


def endpoint_create(
    wish: EndpointWish, *, organization_id: str, idempotency: Idempotency | None = None
) -> tuple[WebhookEndpoint, str, bool]:
    """Make an endpoint. Return it, its first secret, and whether this is the first such request.

    A repeated request gets no secret any more once it was rotated.

    Raises:
        InvalidInput: the address or an event is not valid.
        Conflict: the organization has as many as it may have.
        IdempotencyMismatch: the key was used with another body.
    """
    known = idempotency.find() if idempotency else None
    existing = WebhookEndpoint.objects.filter(pk=known, organization_id=organization_id).first() if known else None
    if existing is not None:
        return existing, endpoint_first_secret(existing), False
    _check(wish)
    check_room(organization_id)
    new_id = known or new_endpoint_id()
    if idempotency and not known and not idempotency.reserve(new_id):
        return endpoint_create(wish, organization_id=organization_id, idempotency=idempotency)
    endpoint, secret = _insert(wish, organization_id, new_id)
    return endpoint, secret, not known


def check_room(organization_id: str) -> None:
    """Make sure that an organization may have one more.

    Raises:
        Conflict: it has as many as it may have.
    """
    if endpoints_visible(organization_id).count() >= MOST_ENDPOINTS:
        raise Conflict(f"There are {MOST_ENDPOINTS} webhooks already, which is the most; remove one first.")


def _insert(wish: EndpointWish, organization_id: str, new_id: str) -> tuple[WebhookEndpoint, str]:
    secret = new_secret()
    endpoint = WebhookEndpoint(
        id=new_id,
        organization_id=organization_id,
        url=wish.url,
        events=_ordered(wish.events),
        description=wish.description,
        secret=encrypt(secret),
    )
    if not _take_slot(endpoint):
        twin = WebhookEndpoint.objects.filter(pk=new_id).first()
        if twin is None:
            check_room(organization_id)
            raise Conflict("The webhook could not be stored; send the request again.")
        endpoint, secret = twin, endpoint_first_secret(twin)
    listeners.forget()
    return endpoint, secret


def _take_slot(endpoint: WebhookEndpoint) -> bool:
    """Store a new endpoint in a slot that is free. False where a twin was faster, or others took the last ones.

    To count first would let one too many in: two that come at once count the same.
    """
    taken = set(endpoints_visible(endpoint.organization_id).values_list("slot", flat=True))
    for slot in sorted(set(range(MOST_ENDPOINTS)) - taken):
        endpoint.slot = slot
        try:
            insert([endpoint])
        except IntegrityError:
            if WebhookEndpoint.objects.filter(pk=endpoint.pk).exists():
                return False
        else:
            return True
    return False


def endpoint_update(endpoint: WebhookEndpoint, wish: EndpointWish) -> None:
    """Change where and of what an endpoint is told.

    Raises:
        InvalidInput: the address or an event is not valid.
        NotFound: it was removed meanwhile.
    """
    _check(wish)
    rows = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    rows.update(url=wish.url, events=_ordered(wish.events), description=wish.description)
    _read_again(endpoint)
    listeners.forget()


def endpoint_switch_on(endpoint: WebhookEndpoint) -> None:
    """Let an endpoint be told again, also of what waits for it. The row first: a crash leaves what the sweep mends.

    Raises:
        NotFound: it was removed meanwhile.
    """
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(is_active=True, disabled_reason="", failing_since=None)
    _read_again(endpoint)
    listeners.forget()
    deliveries_unpark([endpoint.pk])
    bell.ring()


def endpoint_switch_off(endpoint: WebhookEndpoint) -> None:
    """Tell an endpoint nothing more; what waits for it is kept.

    Raises:
        NotFound: it was removed meanwhile.
    """
    _switch_off(endpoint.pk, reason="")
    _read_again(endpoint)


def endpoint_give_up(endpoint_id: str, reason: str) -> None:
    """Switch an endpoint off that nobody wished off; one that was removed meanwhile needs nothing."""
    if _switch_off(endpoint_id, reason):
        logger.warning("webhook_switched_off webhook=%s reason=%s", endpoint_id, reason)


def _switch_off(endpoint_id: str, reason: str) -> int:
    rows = WebhookEndpoint.objects.filter(pk=endpoint_id, is_active=True)
    were_on = rows.update(is_active=False, disabled_reason=reason)
    WebhookDelivery.objects.filter(endpoint_id=endpoint_id, state=DeliveryState.PENDING).update(next_attempt_at=None)
    listeners.forget()
    return were_on


def _read_again(endpoint: WebhookEndpoint) -> None:
    try:
        endpoint.refresh_from_db()
    except WebhookEndpoint.DoesNotExist:
        raise endpoint_not_found(endpoint.pk) from None


def deliveries_unpark(endpoint_ids: Sequence[str]) -> int:
    """Make due what waits for endpoints that are switched on again."""
    parked = WebhookDelivery.objects.filter(
        endpoint_id__in=list(endpoint_ids), state=DeliveryState.PENDING, next_attempt_at=None
    )
    return parked.update(next_attempt_at=clock.now())


def endpoint_test(endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Send a test to an endpoint, once; the delivery's log says what came of it.

    Raises:
        Conflict: it is switched off.
        NotFound: it was removed meanwhile.
    """
    if not endpoint.is_active:
        raise Conflict(f"{endpoint.pk} is switched off; switch it on first.")
    now = clock.now()
    delivery = WebhookDelivery(
        endpoint=endpoint,
        organization_id=endpoint.organization_id,
        event=Event.TEST,
        resource_id=endpoint.pk,
        payload=test_payload(endpoint.pk, now),
        next_attempt_at=now,
    )
    try:
        insert([delivery])
    except IntegrityError:  # MongoDB does not notice; there the next turn forgets it
        raise endpoint_not_found(endpoint.pk) from None
    bell.ring()
    return delivery


def endpoint_delete(endpoint: WebhookEndpoint) -> None:
    """Remove an endpoint and all its deliveries."""
    endpoint.delete()
    listeners.forget()


def _ordered(events: Sequence[str]) -> list[str]:
    return [event.value for event in SUBSCRIBABLE if event in events]


def wish_faults(wish: EndpointWish) -> list[Fault]:
    """Return what is wrong with what somebody wants."""
    faults = [*_url_faults(wish.url), *_event_faults(wish.events)]
    if len(wish.description) > MAX_DESCRIPTION_LENGTH:
        faults.append(Fault("/description", f"Write at most {MAX_DESCRIPTION_LENGTH} characters."))
    return faults


def _check(wish: EndpointWish) -> None:
    if faults := wish_faults(wish):
        raise InvalidInput(faults)


def _event_faults(events: Sequence[str]) -> list[Fault]:
    known = ", ".join(SUBSCRIBABLE)
    if not events:
        return [Fault("/events", f"Name at least one of {known}.")]
    strangers = [(place, event) for place, event in enumerate(events) if event not in SUBSCRIBABLE]
    return [Fault(f"/events/{place}", f"There is no event {event!r}; there are {known}.") for place, event in strangers]


def _url_faults(url: str) -> list[Fault]:
    """Return what is wrong with an address; whether its name leads into our own network is seen when it is sent to."""
    message = _url_message(url)
    return [Fault("/url", message)] if message else []


def _url_message(url: str) -> str:
    if len(url) > MAX_URL_LENGTH or not url.isascii() or not url.isprintable() or " " in url:
        return f"Write at most {MAX_URL_LENGTH} printable ASCII characters without spaces."
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "This is no address; write it as https://example.com/hooks."
    if parts.scheme not in ("https", "http") or not host:
        return "This is no address; write it as https://example.com/hooks."
    if parts.scheme == "http" and not settings.WEBHOOKS_ALLOW_HTTP:
        return "Only https:// is allowed here: what is sent must not be read on the way."
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "Leave out names, passwords and what follows a '#'."
    if is_literal(host) and not settings.WEBHOOKS_ALLOW_PRIVATE and not is_public(host):
        return "This address lies inside of a private network."
    return ""
