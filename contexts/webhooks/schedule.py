"""When a delivery is tried again, and when it is given up. Pure."""

import random
from datetime import timedelta

# The last of them is a day after the first attempt.
BACKOFF_SECONDS = (5, 60, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 8 * 3600, 8 * 3600)
JITTER = 0.1
# An endpoint that fails for so long without a success is switched off.
PATIENCE = timedelta(days=3)


def wait_after(tries: int) -> timedelta | None:
    """Return how long to wait after so many failed tries; None where it is given up.

    Varied a little, so that what failed together does not come back all at once.
    """
    if tries > len(BACKOFF_SECONDS):
        return None
    factor = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    return timedelta(seconds=BACKOFF_SECONDS[tries - 1] * factor)
