"""Somebody who watches the workers, by a clock that the test moves."""

from contexts.engine.reaper import Reaper

LEASE_SECONDS = 20.0


class Watch:
    """A reaper of its own. ``look`` returns how many workers it found dead."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._reaper = Reaper(LEASE_SECONDS, monotonic=lambda: self._seconds)

    def look(self, after_seconds: float = 0.0) -> int:
        self._seconds += after_seconds
        return self._reaper.reap()

    def wait_for_a_lease(self) -> int:
        """Look as often as reapers do, until whoever is silent has lost its lease."""
        return self.look() + sum(self.look(self._reaper.look_seconds) for _ in range(4))
