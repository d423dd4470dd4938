"""django-q2 behind one small file: a cluster that stops in time, leaves no orphans, and is watched for progress.

What stock django-q2 1.11 does, and why this is here: its stop waits without a bound; its children outlive a killed
parent; a worker that dies while it holds the queue's lock leaves a cluster that is alive and does nothing.
"""

import ctypes
import logging
import os
import signal
import time
from contextlib import suppress

import psutil
from django.conf import settings
from django.db import Error, connections
from django_q.cluster import Cluster
from django_q.models import Schedule

from base import clock
from contexts.doorbell import CONTEXTS_CLUSTER, start_drain
from contexts.engine.claims import process_space, worker_declare_gone
from contexts.engine.stop import stop_byte
from contexts.models import Worker, WorkerState

CHORES_CLUSTER = "chores"
CLUSTERS = (CONTEXTS_CLUSTER, CHORES_CLUSTER)
WATCH_SECONDS = 1.0
RING_AGAIN_SECONDS = 3.0
STUCK_SECONDS = 30.0
KILL_SECONDS = 1.0
HAND_BACK_SECONDS = 3.0
NOTICE_SECONDS = 0.1
EXIT_STUCK = 70
PR_SET_PDEATHSIG = 1

logger = logging.getLogger(__name__)


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies: an orphaned worker would run unseen."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class BoundedCluster(Cluster):
    """A cluster whose signal handler only notes the wish, and whose stop has a limit."""

    def __init__(self) -> None:
        self.is_asked_to_stop = False
        super().__init__()

    def sig_handler(self, signum: int, frame: object) -> None:
        stop_byte.set()
        self.is_asked_to_stop = True

    def waits(self, seconds: float) -> bool:
        """Wait; False at once when it is asked to stop. (Python goes on sleeping after a signal.)"""
        ends_at = time.monotonic() + seconds
        while not self.is_asked_to_stop and time.monotonic() < ends_at:
            time.sleep(NOTICE_SECONDS)
        return not self.is_asked_to_stop

    def stop_within(self, seconds: float) -> None:
        """Stop; kill whoever is still there after that time."""
        self.stop_event.set()
        self.sentinel.join(seconds)
        if self.sentinel.is_alive():
            logger.warning("cluster_killed after_seconds=%s", seconds)
            kill_children()
            self.sentinel.join(KILL_SECONDS)


def kill_children() -> None:
    """Kill every process below this one."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            child.kill()


class DrainKeeper:
    """Keeps as many drains going as there are workers, and notices at once when one has died.

    A worker row whose process no longer exists need not wait for its lease to run out.
    """

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._last_ring = 0.0
        self._last_seen = time.monotonic()

    @property
    def is_stuck(self) -> bool:
        """Tell whether no drain has been seen for so long that the cluster must be broken."""
        return time.monotonic() - self._last_seen > STUCK_SECONDS

    def look(self) -> None:
        """Look once; a database that is away is no reason to stop looking."""
        try:
            drains = self._drains_of_ours()
        except Error as exc:
            logger.warning("keeper_failed reason=%s", exc)
            connections.close_all()
            drains = self._wanted  # it is not the cluster's fault
        if drains:
            self._last_seen = time.monotonic()
        if drains < self._wanted:
            self._ring()

    def _drains_of_ours(self) -> int:
        """Return how many drains this cluster's processes run; declare those gone whose process is."""
        ours = {child.pid for child in psutil.Process().children(recursive=True)}
        here = Worker.objects.filter(state=WorkerState.LIVE, expires_at__gt=clock.now(), process_space=process_space())
        rows = list(here.values_list("pk", "pid"))
        for worker, pid in rows:
            if process_space() and not psutil.pid_exists(pid):
                logger.warning("worker_died worker=%s pid=%s", worker, pid)
                worker_declare_gone(worker)
        return sum(pid in ours for _, pid in rows)

    def _ring(self) -> None:
        now = time.monotonic()
        if now - self._last_ring >= RING_AGAIN_SECONDS:
            self._last_ring = now
            with suppress(Error):
                start_drain()


def run_cluster(name: str) -> int:
    """Run a cluster until it is asked to stop; return the exit code. Call it in a process of its own."""
    os.register_at_fork(after_in_child=die_with_parent)
    _prepare(name)
    connections.close_all()  # nothing that is open may be shared with a child
    cluster = BoundedCluster()
    cluster.start()
    logger.info("cluster_started name=%s workers=%s", name, settings.WORKERS if name == CONTEXTS_CLUSTER else 1)
    keeper = DrainKeeper(settings.WORKERS) if name == CONTEXTS_CLUSTER else None
    while cluster.waits(WATCH_SECONDS):
        if keeper is not None:
            keeper.look()
        if not cluster.sentinel.is_alive() or (keeper is not None and keeper.is_stuck):
            logger.critical("cluster_stuck name=%s", name)
            kill_children()
            return EXIT_STUCK
    cluster.stop_within(settings.STOP_GRACE_SECONDS + HAND_BACK_SECONDS)
    logger.info("cluster_stopped name=%s", name)
    return 0


def _prepare(name: str) -> None:
    if name == CHORES_CLUSTER:
        Schedule.objects.update_or_create(
            name="sweep",
            defaults={
                "func": "contexts.tasks.sweep",
                "schedule_type": Schedule.MINUTES,
                "minutes": 1,
                "repeats": -1,
                "cluster": CHORES_CLUSTER,
            },
        )
