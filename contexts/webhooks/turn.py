"""One turn of telling: announces what has ended and sends what is due, until nothing is left for a moment.

The database is used by one thread only; a bounded pool of others waits for answers. An endpoint is sent a few
messages at once, so that a slow one holds up itself alone; many slow ones hold up their organization alone, and all
that fail each other. Where several want a turn one gets it: not to be right, for
each delivery is claimed, but because one is enough.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta

import orjson

from base import clock
from base.encryption import Unreadable
from base.locks import one_at_a_time
from base.problems import Busy
from contexts.webhooks.bell import bell
from contexts.webhooks.deliveries import (
    deliveries_due,
    deliveries_forget,
    delivery_claim,
    delivery_note,
    delivery_park,
    next_due_at,
)
from contexts.webhooks.endpoints import endpoints_of
from contexts.webhooks.models import WebhookDelivery, WebhookEndpoint
from contexts.webhooks.outbox import announce_waiting, something_is_marked
from contexts.webhooks.rotation import endpoint_secrets
from contexts.webhooks.secrets import signed_headers
from contexts.webhooks.sending import Outcome, send

THREADS = 32
PER_ENDPOINT = 4
PER_FAILING_ENDPOINT = 1
PER_ORGANIZATION = 16
FAILING_AT_ONCE = 16
# Well below django-q2's time-out for chores, with an attempt that began at the very end.
TURN_SECONDS = 45.0
# Longer than the bell rests between two rings.
LINGER_SECONDS = 2.0
LOOK_SECONDS = 0.25

logger = logging.getLogger(__name__)


def take_turn(*, should_stop: Callable[[], bool] = lambda: False, linger_seconds: float = LINGER_SECONDS) -> int:
    """Announce and deliver. Return how many attempts were made; none where somebody else is at it."""
    made, ends_at = 0, time.monotonic() + TURN_SECONDS
    while not should_stop():
        try:
            with one_at_a_time("webhooks", "Somebody else delivers."):
                made += Turn(should_stop, linger_seconds, ends_at).run()
        except Busy:
            break
        if not work_is_waiting():
            break
        if time.monotonic() >= ends_at:  # the next turn's
            bell.ring()
            break
        # else somebody rang between our last look and the end of the lock, and was sent away
    return made


def work_is_waiting() -> bool:
    """Tell whether an end is to be announced, or a delivery to be sent."""
    return something_is_marked() or bool(deliveries_due(clock.now(), busy=(), most=1))


def work_is_near() -> bool:
    """Tell whether a turn that begins now has something to do before it ends."""
    due_at = next_due_at()
    return something_is_marked() or (due_at is not None and due_at <= clock.now() + timedelta(seconds=TURN_SECONDS))


class Turn:
    """What is on its way during one turn."""

    def __init__(self, should_stop: Callable[[], bool], linger_seconds: float, ends_at: float) -> None:
        self._should_stop = should_stop
        self._linger_seconds = linger_seconds
        self._ends_at = ends_at
        self._idle_since = time.monotonic()
        self._flying: dict[Future[Outcome], WebhookDelivery] = {}
        self._endpoints: Counter[str] = Counter()
        self._failing: set[str] = set()
        self._made = 0

    def run(self) -> int:
        """Go on until nothing was left to do for a moment, or the time is up; return how many attempts were made."""
        with ThreadPoolExecutor(THREADS, thread_name_prefix="webhook") as pool:
            try:
                while self._goes_on():
                    if announce_waiting() or self._launch(pool):
                        self._idle_since = time.monotonic()
                    self._land()
            finally:
                while self._flying:
                    self._land()
        return self._made

    def _goes_on(self) -> bool:
        now = time.monotonic()
        if self._should_stop() or now >= self._ends_at:
            return False
        return bool(self._flying) or now - self._idle_since < self._linger_seconds or self._is_worth_waiting()

    def _is_worth_waiting(self) -> bool:
        """Tell whether something is due before the turn ends: the first retry comes after seconds."""
        due_at = next_due_at()
        left = timedelta(seconds=self._ends_at - time.monotonic())
        return due_at is not None and due_at <= clock.now() + left

    def _launch(self, pool: ThreadPoolExecutor) -> int:
        """Send off what is due and has room; return how many."""
        room = THREADS - len(self._flying)
        if room <= 0:
            return 0
        launched = 0
        due = deliveries_due(clock.now(), busy=self._busy(), most=room)
        wanted = {delivery.endpoint_id for delivery in due}
        endpoints = WebhookEndpoint.objects.in_bulk(wanted)
        if gone := wanted - endpoints.keys():
            deliveries_forget(gone)
        for delivery in due:
            endpoint = endpoints.get(delivery.endpoint_id)
            if endpoint is not None and self._has_room(endpoint):
                launched += self._launch_one(pool, delivery, endpoint)
        return launched

    def _busy(self) -> list[str]:
        """Return the endpoints that get nothing more now: they, or they and others, have as much as they may."""
        own = [key for key, number in self._endpoints.items() if number >= self._most_of(key)]
        return [*own, *endpoints_of(self._full_organizations(), failing=self._failing_are_enough())]

    def _most_of(self, endpoint_id: str) -> int:
        return PER_FAILING_ENDPOINT if endpoint_id in self._failing else PER_ENDPOINT

    def _full_organizations(self) -> list[str]:
        numbers = Counter(delivery.organization_id for delivery in self._flying.values())
        return [key for key, number in numbers.items() if number >= PER_ORGANIZATION]

    def _failing_are_enough(self) -> bool:
        return sum(self._endpoints[key] for key in self._failing) >= FAILING_AT_ONCE

    def _has_room(self, endpoint: WebhookEndpoint) -> bool:
        if endpoint.failing_since is None:
            self._failing.discard(endpoint.pk)
        else:
            self._failing.add(endpoint.pk)
        if endpoint.failing_since is not None and self._failing_are_enough():
            return False
        if endpoint.organization_id in self._full_organizations():
            return False
        return self._endpoints[endpoint.pk] < self._most_of(endpoint.pk)

    def _launch_one(self, pool: ThreadPoolExecutor, delivery: WebhookDelivery, endpoint: WebhookEndpoint) -> int:
        if not endpoint.is_active:
            delivery_park(delivery)
            return 0
        if not delivery_claim(delivery, clock.now()):
            return 0
        delivery.endpoint = endpoint
        try:
            secrets = endpoint_secrets(endpoint)
        except Unreadable as exc:
            delivery_note(delivery, Outcome(None, 0, exc.detail))
            return 1
        body = orjson.dumps(delivery.payload)
        headers = signed_headers(delivery.pk, body, secrets, clock.now())
        self._flying[pool.submit(send, endpoint.url, body, headers)] = delivery
        self._endpoints[endpoint.pk] += 1
        return 1

    def _land(self) -> None:
        """Write down what has come back; wait for it a moment."""
        if not self._flying:
            time.sleep(LOOK_SECONDS)
            return
        done, _ = wait(self._flying, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            delivery = self._flying.pop(future)
            self._endpoints[delivery.endpoint_id] -= 1
            self._made += 1
            self._idle_since = time.monotonic()
            self._note(delivery, future.result())

    def _note(self, delivery: WebhookDelivery, outcome: Outcome) -> None:
        if not outcome.is_delivered:
            facts = (delivery.endpoint_id, delivery.pk, outcome.status, outcome.error)
            logger.info("webhook_failed webhook=%s delivery=%s status=%s reason=%s", *facts)
        delivery_note(delivery, outcome)
