"""Finds workers that are dead and frees what they hold. Blocking code; one conditional UPDATE a move.

No clock of one host is compared with that of another: a worker counts its heartbeats in its row, and whoever reaps
watches the count by a monotonic clock of his own. One that has not moved for a lease belongs to a dead worker. The
worker itself gives up a lease after it last *began* a renewal that worked, so it always gives up first.

Source: https://pkg.go.dev/k8s.io/client-go/tools/leaderelection (the same way: "tolerant to arbitrary clock skew")
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from base import clock
from contexts.engine.admission import LOSSES_WHEN_ALONE, TRIES_ALONE, back_off_seconds, is_blamed, losses_after
from contexts.engine.claims import fail_held, freed
from contexts.engine.vital_signs import vital_signs_remove
from contexts.models import Context, Worker, WorkerState
from contexts.states import Status

REAP_AT_ONCE = 500

logger = logging.getLogger(__name__)


@dataclass
class Watched:
    """A worker's count as it was last seen, and for how long it has been the same."""

    beats: int
    silent_seconds: float = 0.0


class Reaper:
    """Watches all workers, look by look. Keep one for as long as the process lives; use it in one thread.

    Args:
        monotonic: seconds of a clock that nobody sets.
    """

    def __init__(self, lease_seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._lease_seconds = lease_seconds
        self._monotonic = monotonic
        self._watched: dict[str, Watched] = {}
        self._last_look = monotonic()

    @property
    def look_seconds(self) -> float:
        """How often to look: a death is then noticed within a lease and a quarter."""
        return self._lease_seconds / 4

    def reap(self) -> int:
        """Look once: free the contexts of every worker that is dead. Return how many were found to be.

        A reaper that dies halfway leaves a dead row for the next one. Safe to run anywhere, any number at once.
        """
        dead, live = self._read()
        silent = [worker for worker in live if self._watched[worker].silent_seconds >= self._lease_seconds]
        declared = [worker for worker in silent if self._declare_dead(worker)]
        for worker in [*dead, *declared]:
            _bury(worker)
        return len(declared)

    def _read(self) -> tuple[list[str], list[str]]:
        """Return the ids of dead and live workers, with the live ones' silence up to date."""
        began = self._monotonic()
        unburied = Worker.objects.filter(state__in=[WorkerState.LIVE, WorkerState.DEAD]).order_by("pk")
        rows = list(unburied.values_list("pk", "state", "beats")[:REAP_AT_ONCE])
        # what this watcher could not see, because it stood still itself or the database was away, is not silence
        passed = min(began - self._last_look, self._lease_seconds / 2)
        self._last_look = self._monotonic()
        live = {worker: beats for worker, state, beats in rows if state == WorkerState.LIVE}
        self._watched = {worker: self._seen(worker, beats, passed) for worker, beats in live.items()}
        return [worker for worker, state, _ in rows if state == WorkerState.DEAD], list(live)

    def _seen(self, worker: str, beats: int, passed: float) -> Watched:
        before = self._watched.get(worker)
        if before is None or before.beats != beats:
            return Watched(beats)
        return Watched(beats, before.silent_seconds + passed)

    def _declare_dead(self, worker: str) -> bool:
        """Mark the row, unless it has beaten meanwhile; from then on the worker cannot renew."""
        seen = self._watched[worker].beats
        matched = Worker.objects.filter(pk=worker, state=WorkerState.LIVE, beats=seen).update(state=WorkerState.DEAD)
        if matched:
            logger.warning("worker_silent worker=%s seconds=%s", worker, self._lease_seconds)
        return bool(matched)


def worker_bury(token: str) -> None:
    """Free the contexts of a worker whose process is known to be gone; its lease need not run out."""
    Worker.objects.filter(pk=token, state=WorkerState.LIVE).update(state=WorkerState.DEAD)
    _bury(token)


def _bury(token: str) -> None:
    """Free what a dead worker holds, then bury its row: whoever dies between is followed by the next reaper."""
    _free(token)
    Worker.objects.filter(pk=token, state=WorkerState.DEAD).update(state=WorkerState.BURIED, in_flight=0)
    vital_signs_remove(token)


def _free(token: str) -> None:
    """Give back what a dead worker held, one loss richer, or fail what is to blame for its death.

    Those with the most losses first: if this is cut off, the next reaper must not take them for having been alone.
    """
    held = Context.objects.filter(lease_token=token, status=Status.PROCESSING).order_by()
    found = list(held.values_list("worker_losses", flat=True))
    for before in sorted(set(found), reverse=True):
        alike = held.filter(worker_losses=before)
        losses = losses_after(before, held=len(found))
        if is_blamed(losses):
            _blame(alike, token)
        else:
            alike.update(**_lost(losses))


def _blame(contexts: QuerySet[Context], token: str) -> None:
    message = f"The worker process died while it ran this context alone, {TRIES_ALONE} times in a row."
    for context in list(contexts):
        fail_held(context, token, type="worker_lost", message=message)


def _lost(losses: int) -> dict[str, Any]:
    """Return the columns of a context whose worker died."""
    now = clock.now()
    values = {**freed(now, reason="its worker died"), "worker_losses": losses}
    if losses >= LOSSES_WHEN_ALONE:
        values["next_retry_at"] = now + timedelta(seconds=back_off_seconds(losses))
        values["waiting_for"] = f"a worker of its own: its worker died {losses} times"
    return values
