"""Mends what crashes left behind, every minute; idempotent, though one sweep at a time is enough for all machines."""

import logging
from datetime import timedelta
from functools import cache

from django.conf import settings
from django_q.models import Failure

from base import clock, database_clock
from base.locks import one_at_a_time
from base.problems import Busy
from components.sealing import settings_reencrypt
from contexts.batches import batches_repair
from contexts.bulk.bell import bell as bulk_bell
from contexts.bulk.operations import operations_at_work, operations_prune
from contexts.doorbell import drain_is_live, start_drain
from contexts.engine.claims import free_orphans
from contexts.engine.reaper import Reaper
from contexts.models import Context, Worker, WorkerState
from contexts.outcomes.counting import outcomes_count, outcomes_prune
from contexts.states import Status
from contexts.trials import rows as trial_rows
from contexts.trials.run import TURN_SECONDS
from contexts.trials.run import bell as trials_bell
from contexts.trials.services import trials_prune
from contexts.webhooks import turn as webhooks
from contexts.webhooks.bell import bell
from contexts.webhooks.deliveries import webhooks_repair
from users.idempotency import idempotency_prune

WORKERS_KEPT = timedelta(days=7)

logger = logging.getLogger(__name__)


def sweep() -> None:
    """Free the contexts of dead workers, finish or remove half-done bulk submissions, prune, ring, count outcomes.

    Does nothing while another machine sweeps.
    """
    try:
        with one_at_a_time("sweep", "Another machine sweeps."):
            _sweep()
    except Busy:
        logger.info("sweep_skipped")


def _sweep() -> None:
    database_clock.refresh()
    now = clock.now()
    dead, orphans, batches = _reaper().reap(), free_orphans(), batches_repair()
    deliveries = webhooks_repair()
    if dead or orphans or batches or deliveries:
        facts = (dead, orphans, batches, deliveries)
        logger.warning("sweep_mended dead_workers=%s orphans=%s batches=%s deliveries=%s", *facts)
    settings_reencrypt()
    idempotency_prune()
    trials_prune()
    ended = [WorkerState.STOPPED, WorkerState.BURIED]
    Worker.objects.filter(state__in=ended, heartbeat_at__lt=now - WORKERS_KEPT).delete()
    Failure.objects.filter(stopped__lt=now - WORKERS_KEPT).delete()  # django-q2 prunes its successes only
    if not drain_is_live() and work_is_due():
        start_drain()
    if webhooks.work_is_near():
        bell.ring()
    if trial_rows.work_is_due(timedelta(seconds=TURN_SECONDS)):
        trials_bell.ring()
    operations_prune()
    if operations_at_work().exists():
        bulk_bell.ring()
    outcomes_prune()
    outcomes_count()  # last: it may take some seconds


@cache
def _reaper() -> Reaper:
    """Return the one of this process: it must have looked before to see that a worker is silent."""
    return Reaper(settings.LEASE_SECONDS)


def work_is_due() -> bool:
    """Tell whether a context waits that could be claimed now."""
    if Context.objects.filter(status=Status.PENDING).exists():
        return True
    return Context.objects.filter(status=Status.RETRYING, next_retry_at__lte=clock.now()).exists()
