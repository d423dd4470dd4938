"""The numbers of contexts, workers, providers, queues and webhooks for Prometheus, read when they are asked for.

Nothing here reads whole tables. What is open is counted in an index, up to a bound; what has ended is counted in an
index too, but seldom, for there may be millions of it.

Source: https://prometheus.github.io/client_python/collector/custom/
"""

import time
from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import Error
from django_q.brokers import get_broker
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from base import clock
from contexts.doorbell import CONTEXTS_CLUSTER, drains_live
from contexts.engine.limits import ProviderState
from contexts.models import Context, Provider
from contexts.outcomes.counting import counted_until
from contexts.states import ENDED, OPEN, Status
from contexts.webhooks.models import DeliveryState, WebhookDelivery

CLUSTERS = (CONTEXTS_CLUSTER, "chores")
# A backlog that is larger is shown as this; counting it takes some ms.
COUNTED_MOST = 100_000
# Counting what has ended takes at most a hundredth of the time.
KEPT_SECONDS, KEPT_PER_SECOND_OF_WORK = 60.0, 100.0


class Seldom:
    """Keeps the counts of what has ended for a while, the longer the more work they were."""

    def __init__(self, count: Callable[[], dict[str, int]]) -> None:
        self._count = count
        self._counts: dict[str, int] = {}
        self._until = 0.0

    def counts(self) -> dict[str, int]:
        """Return the counts, from at most a minute ago or the hundredfold of what they took."""
        began = time.monotonic()
        if began >= self._until:
            self._counts = self._count()
            ended = time.monotonic()
            self._until = ended + max(KEPT_SECONDS, KEPT_PER_SECOND_OF_WORK * (ended - began))
        return self._counts


def ended_counts() -> dict[str, int]:
    """Count all that has ended, by status; each count reads one index and no row."""
    return {status.value: Context.objects.filter(status=status).order_by().count() for status in ENDED}


def open_counts() -> dict[str, int]:
    """Count what is open, by status, each up to the bound."""
    return {
        status.value: Context.objects.filter(status=status).order_by().values("pk")[:COUNTED_MOST].count()
        for status in OPEN
    }


def waiting_since() -> dict[str, datetime | None]:
    """Return since when the one waits that has waited longest: for its first worker, and for a retry that is due."""
    pending = Context.objects.filter(status=Status.PENDING).order_by("pk").values_list("created_at", flat=True)
    due = Context.objects.filter(status=Status.RETRYING, next_retry_at__lte=clock.now())
    # not values_list: MongoDB would sort what it chose, without an index
    first_due = due.order_by("next_retry_at").only("next_retry_at").first()
    return {
        Status.PENDING.value: pending.first(),
        Status.RETRYING.value: first_due.next_retry_at if first_due else None,
    }


def deliveries_pending() -> int:
    """Count the webhook deliveries that are still to be sent, up to the bound."""
    pending = WebhookDelivery.objects.filter(state=DeliveryState.PENDING)
    return pending.order_by().values("pk")[:COUNTED_MOST].count()


def delivery_due_since() -> datetime | None:
    """Return since when the delivery is due that should have been sent first; None where none is due."""
    due = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, next_attempt_at__lte=clock.now())
    first = due.order_by("next_attempt_at").only("next_attempt_at").first()
    return first.next_attempt_at if first else None


class StoreCollector(Collector):
    """Reads the database at each scrape. Where it is away, ``draftline_database_up`` alone says so."""

    def __init__(self) -> None:
        self._ended = Seldom(ended_counts)

    def collect(self) -> Iterator[Metric]:
        try:
            families = [*self._contexts(), *_workers(), *_providers(), _queues(), *_webhooks(), *_outcomes()]
        except Error:
            families = []
        yield GaugeMetricFamily("draftline_database_up", "Whether the database answered.", value=bool(families))
        yield from families

    def describe(self) -> list[Metric]:
        """Name nothing beforehand: the registry would read the database to find out."""
        return []

    def _contexts(self) -> Iterator[Metric]:
        counted = {**open_counts(), **self._ended.counts()}
        yield _gauge("draftline_contexts", "Contexts by status.", "status", counted)
        now = clock.now()
        waits = {
            status: max(0.0, (now - since).total_seconds()) if since else 0.0
            for status, since in waiting_since().items()
        }
        yield _gauge(
            "draftline_longest_wait_seconds", "How long the one has waited that has waited longest.", "status", waits
        )


def _workers() -> Iterator[Metric]:
    in_flight = list(drains_live().values_list("in_flight", flat=True))
    yield GaugeMetricFamily("draftline_workers", "Workers that were heard of within a lease.", value=len(in_flight))
    yield GaugeMetricFamily("draftline_contexts_in_flight", "Contexts that workers have.", value=sum(in_flight))


def _providers() -> Iterator[Metric]:
    states = {row.pk: ProviderState.read(row.state) for row in Provider.objects.all()}
    now = clock.now().timestamp()
    shares = {name: state.shares.values() for name, state in states.items()}
    numbers: dict[str, tuple[str, dict[str, float]]] = {
        "cools_seconds": (
            "For how long the provider is left alone from now on.",
            {name: max(0.0, state.cool_until - now) for name, state in states.items()},
        ),
        "calls_granted": (
            "Calls that workers may run at once.",
            {name: sum(share.held for share in given) for name, given in shares.items()},
        ),
        "calls_wanted": (
            "Calls that workers would run at once.",
            {name: sum(share.wanted for share in given) for name, given in shares.items()},
        ),
    }
    for name, (words, values) in numbers.items():
        yield _gauge(f"draftline_provider_{name}", words, "provider", values)


def _queues() -> Metric:
    lengths = {cluster: get_broker(cluster).queue_size() for cluster in CLUSTERS}
    return _gauge("draftline_queue_messages", "Messages in django-q2's queues.", "cluster", lengths)


def _webhooks() -> Iterator[Metric]:
    pending, since = deliveries_pending(), delivery_due_since()
    late = max(0.0, (clock.now() - since).total_seconds()) if since else 0.0
    yield GaugeMetricFamily("draftline_webhook_deliveries_pending", "Deliveries that are to be sent.", value=pending)
    yield GaugeMetricFamily("draftline_webhook_delivery_late_seconds", "How late the latest of them is.", value=late)


def _outcomes() -> Iterator[Metric]:
    until = counted_until()
    behind = max(0.0, (clock.now() - until).total_seconds()) if until else 0.0
    yield GaugeMetricFamily(
        "draftline_outcomes_behind_seconds", "Up to how long ago all ends are counted.", value=behind
    )


def _gauge(name: str, words: str, label: str, values: "dict[str, int] | dict[str, float]") -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family
