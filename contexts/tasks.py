"""What django-q2 runs. Messages carry nothing; one that is lost or doubled changes nothing."""

import os
import time

import psutil
from django.conf import settings

from contexts.engine.run import run_drain
from contexts.engine.stop import pulse, stop_byte
from contexts.keeper import drains_below
from contexts.sweep import sweep as run_sweep

# Well within what django-q2's time-out leaves beside the turn itself.
SPARE_SECONDS = 30.0
SPARE_LOOK_SECONDS = 0.25


def drain() -> int:
    """Take one long turn at the contexts; return how many were picked up. One drain too many stands by for a while."""
    if not _is_needed():
        return 0
    return run_drain(should_stop=stop_byte.is_set)


def _is_needed() -> bool:
    """Tell whether this cluster lacks a drain, now or before long.

    A spare that left at once would take the next message of the queue too, and with it what other clusters rang for:
    all share one queue. And where a drain dies meanwhile, the spare is its successor without another ring.
    """
    cluster = psutil.Process(os.getppid())
    leaves_at = time.monotonic() + SPARE_SECONDS
    while drains_below(cluster).claiming >= settings.WORKERS:
        if stop_byte.is_set() or time.monotonic() >= leaves_at:
            return False
        time.sleep(SPARE_LOOK_SECONDS)
    return True


def sweep() -> None:
    """Mend what crashes left, and make sure that somebody works."""
    pulse.beat()
    run_sweep()
