"""What django-q2 runs. Messages carry nothing; one that is lost or doubled changes nothing."""

import os

import psutil
from django.conf import settings

from contexts.bulk import turn as bulk_turn
from contexts.engine.run import run_drain
from contexts.engine.shared_memory import pulse, stop_byte
from contexts.keeper import drains_below
from contexts.sweep import sweep as run_sweep
from contexts.trials import run as trial_turns
from contexts.webhooks.turn import take_turn


def drain() -> int:
    """Take one long turn at the contexts; return how many were picked up. One drain too many leaves at once."""
    if drains_below(psutil.Process(os.getppid())).claiming >= settings.WORKERS:
        return 0
    return run_drain(should_stop=stop_byte.is_set)


def sweep() -> None:
    """Mend what crashes left, and make sure that somebody works."""
    pulse.beat()
    run_sweep()


def webhooks() -> int:
    """Announce what has ended and deliver what is due; return how many attempts were made."""
    return take_turn(should_stop=stop_byte.is_set)


def trials() -> int:
    """Run what trials of templates have to be run; return how many runs were begun."""
    return trial_turns.take_turn(should_stop=stop_byte.is_set)


def bulk() -> int:
    """Work at operations on many; return how many contexts were looked at."""
    return bulk_turn.take_turn(should_stop=stop_byte.is_set)
