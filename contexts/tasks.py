"""What django-q2 runs. Messages carry nothing; one that is lost or doubled changes nothing."""

from contexts.engine.run import run_drain
from contexts.engine.stop import stop_byte
from contexts.sweep import sweep as run_sweep


def drain() -> int:
    """Take one long turn at the contexts; return how many were picked up."""
    return run_drain(should_stop=stop_byte.is_set)


def sweep() -> None:
    """Mend what crashes left, and make sure that somebody works."""
    run_sweep()
