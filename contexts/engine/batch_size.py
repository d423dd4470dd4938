"""How many contexts a worker keeps in flight: its maximum while its loop keeps up, fewer while it lags. Pure.

What waits for a model costs nothing, so a worker starts at its maximum. Where its contexts want more of the processor
than it has, its loop falls behind: answers lie unread and time-outs run on. Then fewer at once are faster for each, and
others of the machine get their turn. Additive increase, multiplicative decrease, as in `limits`.
"""

import time
from collections.abc import Callable

LEAST = 16
# How late a loop may be that is busy but well; group commits alone take tens of milliseconds.
LAG_SECONDS = 1.0
STEP_SECONDS = 1.0
GROWTH = 1 / 8


class BatchSize:
    """The present size of one worker.

    Args:
        most: the largest size.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._least = min(LEAST, most)
        self._size = float(most)
        self._clock = clock
        self._changed_at = clock()

    @property
    def size(self) -> int:
        """How many contexts may be in flight now."""
        return int(self._size)

    def note_lag(self, seconds: float) -> bool:
        """Take note how late the loop was; True if the size shrank. It changes once a second at most."""
        now = self._clock()
        passed = now - self._changed_at
        if passed < STEP_SECONDS:
            return False
        self._changed_at = now
        if seconds > LAG_SECONDS:
            before, self._size = self._size, max(self._least, self._size / 2)
            return self._size < before
        self._size = min(self._most, self._size + max(1.0, self._size * GROWTH))
        return False
