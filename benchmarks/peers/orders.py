"""What the helper of every peer answers. Pure."""

import random
import time
from collections.abc import Callable
from typing import Any

LOOK_SECONDS = 0.005
PICKUP_LOOK_SECONDS = 0.001
PAUSE_SECONDS = (0.05, 0.15)
LIMIT_SECONDS = 600.0


def wait_for_end(completed: Callable[[], int], total: int, look_seconds: float = LOOK_SECONDS) -> dict[str, Any]:
    """Wait until so many have completed; answer when that was seen (monotonic seconds).

    Raises:
        TimeoutError: they have not within ten minutes.
    """
    deadline = time.monotonic() + LIMIT_SECONDS
    while (found := completed()) < total:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{found} of {total} have completed")
        time.sleep(look_seconds)
    return {"seen_at": time.monotonic()}


def time_pickups(submit: Callable[[int], Any], completed: Callable[[], int], count: int) -> dict[str, Any]:
    """Submit one at a time; answer how many milliseconds each took from before the submission to its end."""
    times = []
    before = completed()
    for number in range(count):
        time.sleep(random.uniform(*PAUSE_SECONDS))
        began = time.monotonic()
        submit(1)
        wait_for_end(completed, before + number + 1, PICKUP_LOOK_SECONDS)
        times.append((time.monotonic() - began) * 1000)
    return {"times": times}
