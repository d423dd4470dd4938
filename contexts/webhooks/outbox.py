"""Turns ends into deliveries, so that none is lost and none is told twice.

The update that ends a context marks it, atomically. Here the marks are read; for each the deliveries are stored, with
ids that follow from the end; and only then the mark is taken away, if the context has not changed. After a crash
between any two of these the mark is still there, and the same ids are found to be stored already.

A context that is retried loses its end: so whoever retries announces first (`announce_now`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db import IntegrityError
from django.db.models import Max, QuerySet

from base import clock
from base.inserting import insert_missing
from base.turns import write_soon
from contexts.models import Batch, Context
from contexts.selectors import VISIBLE_BATCHES, batches_progress
from contexts.states import OPEN, Status
from contexts.webhooks.events import EVENT_OF_END, Event, delivery_id
from contexts.webhooks.models import WebhookDelivery, WebhookEndpoint
from contexts.webhooks.payloads import batch_payload, context_payload

AT_ONCE = 200
INSERT_CHUNK = 500


def announce_waiting() -> int:
    """Announce some of what has ended; return how many contexts that were, zero where nothing waits."""
    return _announce(Context.objects.all())


def announce_now(rows: QuerySet[Context]) -> None:
    """Announce all of these contexts that still wait for it."""
    while _announce(rows):
        pass


def _announce(rows: QuerySet[Context]) -> int:
    contexts = list(_in_order_of_marks(rows).defer("data", "step_runs", "pipeline")[:AT_ONCE])
    if contexts:
        _store(contexts)
        _unmark(contexts)
    return len(contexts)


def _store(contexts: Sequence[Context]) -> None:
    """Store what is to be told of contexts; begin anew where an endpoint was removed since it was read."""
    while True:
        endpoints = _endpoints({row.organization_id for row in contexts})
        deliveries = [*_of_contexts(contexts, endpoints), *_of_batches(contexts, endpoints)]
        try:
            for start in range(0, len(deliveries), INSERT_CHUNK):
                insert_missing(deliveries[start : start + INSERT_CHUNK])
        except IntegrityError:
            if _are_all_there(endpoints):
                raise
        else:
            return


def _in_order_of_marks(rows: QuerySet[Context]) -> QuerySet[Context]:
    """Walk the tiny index of the marks. SQLite would walk the whole table for any other order, and for none."""
    return rows.filter(announce=True).order_by("announce", "pk")


def something_is_marked() -> bool:
    """Tell whether an end waits for its announcement."""
    return bool(_in_order_of_marks(Context.objects.all()).values_list("pk", flat=True)[:1])


Endpoints = dict[str, list[WebhookEndpoint]]


def _endpoints(organization_ids: Iterable[str]) -> Endpoints:
    """Return the endpoints that are switched on, by organization."""
    found: Endpoints = defaultdict(list)
    for endpoint in WebhookEndpoint.objects.filter(organization_id__in=list(organization_ids), is_active=True):
        found[endpoint.organization_id].append(endpoint)
    return found


def _are_all_there(endpoints: Endpoints) -> bool:
    ids = [endpoint.pk for found in endpoints.values() for endpoint in found]
    return WebhookEndpoint.objects.filter(pk__in=ids).count() == len(ids)


def _listening(endpoints: Endpoints, organization_id: str, event: Event) -> list[WebhookEndpoint]:
    return [endpoint for endpoint in endpoints.get(organization_id, []) if event in endpoint.events]


def _of_contexts(contexts: Sequence[Context], endpoints: Endpoints) -> list[WebhookDelivery]:
    return [
        delivery
        for context in contexts
        if context.status in EVENT_OF_END
        for delivery in _of_context(context, endpoints)
    ]


def _of_context(context: Context, endpoints: Endpoints) -> list[WebhookDelivery]:
    event = EVENT_OF_END[context.status]
    return [
        WebhookDelivery(
            id=delivery_id(endpoint.pk, context.pk, str(context.revision), context.ended_at or context.updated_at),
            endpoint=endpoint,
            organization_id=context.organization_id,
            event=event,
            resource_id=context.pk,
            payload=context_payload(context),
            next_attempt_at=clock.now(),
        )
        for endpoint in _listening(endpoints, context.organization_id, event)
    ]


def _of_batches(contexts: Sequence[Context], endpoints: Endpoints) -> list[WebhookDelivery]:
    """Return what is to be told of batches that these contexts were the last of.

    Each end is announced after it was stored. So whoever announces the last one sees that nothing is open any more.
    """
    ids = {row.batch_id for row in contexts if row.batch_id and _listening_to_batches(endpoints, row)}
    finished = [batch_id for batch_id in ids if not _is_open(batch_id)]
    batches = Batch.objects.filter(pk__in=finished, state__in=VISIBLE_BATCHES)
    return [delivery for batch in batches for delivery in _of_batch(batch, endpoints)]


def _listening_to_batches(endpoints: Endpoints, context: Context) -> bool:
    return bool(_listening(endpoints, context.organization_id, Event.BATCH_FINISHED))


def _is_open(batch_id: str) -> bool:
    """Tell whether a batch goes on: a look at one row, for most of its contexts, before all are counted."""
    still_open = [Status.HELD, *OPEN]
    return Context.objects.filter(batch_id=batch_id, status__in=still_open).order_by().exists()


def _of_batch(batch: Batch, endpoints: Endpoints) -> list[WebhookDelivery]:
    """Return one delivery for each endpoint and finishing: a retry moves the last end, and so makes another id."""
    last = batch.contexts.order_by().aggregate(last=Max("ended_at"))["last"]
    progress = batches_progress([batch])[batch.pk]
    if last is None or progress.status == "processing":  # retried at this very moment
        return []
    return [
        WebhookDelivery(
            id=delivery_id(endpoint.pk, batch.pk, "finished", last),
            endpoint=endpoint,
            organization_id=batch.organization_id,
            event=Event.BATCH_FINISHED,
            resource_id=batch.pk,
            payload=batch_payload(batch, progress, last),
            next_attempt_at=clock.now(),
        )
        for endpoint in _listening(endpoints, batch.organization_id, Event.BATCH_FINISHED)
    ]


def _unmark(contexts: Sequence[Context]) -> None:
    """Take the marks away, but for a context that was retried and has ended anew since it was read."""
    by_revision: dict[int, list[str]] = defaultdict(list)
    for context in contexts:
        by_revision[context.revision].append(context.pk)
    for revision, ids in by_revision.items():
        rows = Context.objects.filter(pk__in=ids, revision=revision)
        write_soon(lambda rows=rows: rows.update(announce=None))  # type: ignore[misc]
