"""Watches whether a cluster gets on. That its processes live says little: one that dies while it holds the queue's
lock leaves the others waiting for ever.
"""

import logging
import time
from dataclasses import dataclass
from datetime import timedelta

import psutil
from django.conf import settings
from django.db import connections
from django_q.brokers import get_broker

from base import clock, database_clock
from contexts.doorbell import CONTEXTS_CLUSTER, start_drain
from contexts.engine.claims import process_space
from contexts.engine.reaper import Reaper, worker_bury
from contexts.engine.shared_memory import pulse, vacancies
from contexts.models import Worker, WorkerState

RING_AGAIN_SECONDS = 3.0
# How long a free worker may leave all rings unanswered. Another cluster that lacks a drain may have taken the first.
STUCK_SECONDS = 15.0
# The sweep beats once a minute; another chore may keep it waiting for as long as django-q2 lets it run.
CHORES_SILENT_SECONDS = 60.0 + 300.0 + 60.0
SPARE_WORKERS = 1

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drains:
    """How many drains live, and how many of them still claim."""

    live: int
    claiming: int


def drains_below(process: psutil.Process) -> Drains:
    """Count the drains that run in the processes below one."""
    ours = {child.pid for child in process.children(recursive=True)}
    rows = Worker.objects.filter(state=WorkerState.LIVE, process_space=process_space())
    started_at = [started_at for pid, started_at in rows.values_list("pid", "started_at") if pid in ours]
    turn_began_after = clock.now() - timedelta(seconds=settings.DRAIN_SECONDS)
    return Drains(len(started_at), sum(moment > turn_began_after for moment in started_at))


class DrainKeeper:
    """Keeps as many drains claiming as there are workers; notices when one has died, and frees what it held.

    One worker more than that is there: it takes over while a drain whose turn has ended finishes what it has.
    """

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._reaper = Reaper(settings.LEASE_SECONDS)
        self._drains = Drains(wanted, wanted)
        self._last_ring = 0.0
        self._clock_due_at = 0.0
        self._unanswered_since: float | None = None

    @property
    def is_stuck(self) -> bool:
        """Tell whether nothing claims and nobody answers, though a worker is free: the queue must be broken."""
        since = self._unanswered_since
        return self._drains.claiming == 0 and since is not None and time.monotonic() - since > STUCK_SECONDS

    @property
    def is_busy(self) -> bool:
        """Tell whether contexts are being worked on."""
        return self._drains.live > 0

    def look(self) -> None:
        """Look once; a database that is away is no reason to stop looking."""
        try:
            self._refresh_clock()
            _bury_the_gone()
            self._reaper.reap()
            self._drains = drains_below(psutil.Process())
            self._keep()
        except Exception as exc:  # the queue's own store may be away too, with errors of its own
            logger.warning("keeper_failed reason=%s", exc)
            connections.close_all()
            self._unanswered_since = None  # it is not the cluster's fault

    def _refresh_clock(self) -> None:
        now = time.monotonic()
        if now >= self._clock_due_at:
            self._clock_due_at = now + database_clock.REFRESH_SECONDS
            database_clock.refresh()

    def _keep(self) -> None:
        free_workers = self._wanted + SPARE_WORKERS - self._drains.live
        lacking = min(self._wanted - self._drains.claiming, free_workers)
        if lacking <= 0:
            vacancies.announce(0)
            self._unanswered_since = None
            return
        now = time.monotonic()
        self._unanswered_since = self._unanswered_since or now
        if now - self._last_ring >= RING_AGAIN_SECONDS:
            self._last_ring = now
            vacancies.announce(lacking)
            _ring(lacking)


def _ring(lacking: int) -> None:
    """Ring for each drain that is lacking, save for the rings that lie in the queue already."""
    for _ in range(lacking - get_broker(CONTEXTS_CLUSTER).queue_size()):
        start_drain()


def _bury_the_gone() -> None:
    """Free at once what the workers of this machine hold whose processes are no more."""
    if not process_space():
        return
    rows = Worker.objects.filter(state=WorkerState.LIVE, process_space=process_space())
    for worker, pid in list(rows.values_list("pk", "pid")):
        if not _runs(pid):
            logger.warning("worker_died worker=%s pid=%s", worker, pid)
            worker_bury(worker)


def _runs(pid: int) -> bool:
    """Tell whether a process is there and more than its exit code, which its parent may be slow to fetch."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class ChoresKeeper:
    """Notices when the chores are no longer done."""

    is_busy = False

    def __init__(self) -> None:
        pulse.beat()

    @property
    def is_stuck(self) -> bool:
        """Tell whether no sweep has begun for so long that the cluster must be broken."""
        return pulse.silent_seconds > CHORES_SILENT_SECONDS

    def look(self) -> None:
        """There is nothing to do but to feel the pulse."""
