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
from django.db import connections
from django_q.brokers import get_broker
from django_q.cluster import Cluster
from django_q.models import Schedule

from base import clock
from contexts.alive import note_alive
from contexts.doorbell import CONTEXTS_CLUSTER
from contexts.engine.shared_memory import stop_byte, vacancies
from contexts.keeper import ChoresKeeper, DrainKeeper
from contexts.patient_broker import PatientBroker

CHORES_CLUSTER = "chores"
CLUSTERS = (CONTEXTS_CLUSTER, CHORES_CLUSTER)
WATCH_SECONDS = 1.0
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

    def __init__(self, broker: PatientBroker | None = None) -> None:
        self.is_asked_to_stop = False
        super().__init__(broker)

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


def run_cluster(name: str) -> int:
    """Run a cluster until it is asked to stop; return the exit code. Call it in a process of its own."""
    os.register_at_fork(after_in_child=die_with_parent)
    _prepare(name)
    connections.close_all()  # nothing that is open may be shared with a child
    works_contexts = name == CONTEXTS_CLUSTER
    cluster = BoundedCluster(PatientBroker(get_broker(name), vacancies) if works_contexts else None)
    cluster.start()
    workers = settings.WORKERS if works_contexts else settings.Q_CLUSTER["workers"]
    logger.info("cluster_started name=%s workers=%s", name, workers)
    keeper = DrainKeeper(settings.WORKERS) if works_contexts else ChoresKeeper()
    while cluster.waits(WATCH_SECONDS):
        note_alive(name)
        keeper.look()
        if not cluster.sentinel.is_alive() or keeper.is_stuck:
            logger.critical("cluster_stuck name=%s", name)
            _give_up(cluster, is_busy=keeper.is_busy)
            return EXIT_STUCK
    cluster.stop_within(settings.STOP_GRACE_SECONDS + HAND_BACK_SECONDS)
    logger.info("cluster_stopped name=%s", name)
    return 0


def _give_up(cluster: BoundedCluster, *, is_busy: bool) -> None:
    """End a cluster that no longer works; whatever still finishes its contexts may hand them back."""
    if is_busy and cluster.sentinel.is_alive():
        stop_byte.set()
        cluster.stop_within(settings.STOP_GRACE_SECONDS + HAND_BACK_SECONDS)
    kill_children()


def _prepare(name: str) -> None:
    if name == CHORES_CLUSTER:
        Schedule.objects.update_or_create(
            name="sweep",
            defaults={
                "func": "contexts.tasks.sweep",
                "schedule_type": Schedule.MINUTES,
                "minutes": 1,
                "repeats": -1,
                "next_run": clock.now(),  # a clock that once was ahead would have put it off
                "cluster": CHORES_CLUSTER,
            },
        )
