"""In which order contexts are claimed: one stored number that keeps priorities, is fair, and starves nobody.

Each organization stands in a line of its own for each priority. A context takes its place in its line: `PLACE_MS`
behind the one before, or where the serving stands now, whichever is later. So ten thousand contexts of one
organization, in a bulk or one by one, make nobody else wait: another's context starts where the serving stands, and
where several have a backlog, their contexts alternate.

"Where the serving stands" is the place of whoever is first in the queue. It only goes forward while anybody waits; when
nobody does, all lines begin anew at the present time: who was served quickly owes nothing.

The priority moves a context from its place: 0 by 12,000 places ahead of 50, 100 as many behind. More than the largest
bulk, so that an urgent context overtakes all of it; and not without end, so that the least urgent one comes to its turn
when so many places were served. Urgency uses itself up: the places of an urgent line lie wider apart, the more urgent
the wider, so that some two hundred contexts of priority 0 overtake the others, and not ten thousand.

Each web process keeps the lines of its own; with several of them an organization has as many lines.
Source: start-time fair queuing, Goyal, Vin, Cheng 1996, https://doi.org/10.1145/248156.248171
"""

import threading
import time
from collections.abc import Callable, Iterable

from contexts.models import Context
from contexts.states import Status

DEFAULT_PRIORITY = 50
PLACE_MS = 50
PRIORITY_MS = 12_000
# How old the look at who is first may be.
LOOK_SECONDS = 1.0

Line = tuple[str, int]


def claim_order(place_ms: int, priority: int) -> int:
    """Return where a context stands with this place, in milliseconds of the time that lines run in."""
    return place_ms + (priority - DEFAULT_PRIORITY) * PRIORITY_MS


def serving_place() -> int | None:
    """Return the place of who is first in the queue, None where nobody waits."""
    waiting = Context.objects.filter(status=Status.PENDING).order_by("claim_order")
    first = waiting.values_list("claim_order", "priority").first()
    return None if first is None else first[0] - (first[1] - DEFAULT_PRIORITY) * PRIORITY_MS


class Lines:
    """The lines of the organizations, by priority; safe between threads."""

    def __init__(self, look: Callable[[], int | None] = serving_place, clock: Callable[[], float] = time.monotonic):
        self._look = look
        self._clock = clock
        self._lock = threading.Lock()
        self._ends: dict[Line, int] = {}
        self._serving: int | None = None
        self._looked_at: float | None = None

    def join(self, rows: Iterable[Context]) -> None:
        """Give rows that are about to be stored their places, in their order."""
        with self._lock:
            self._look_again()
            for row in rows:
                submitted_ms = int(row.created_at.timestamp() * 1000)
                row.claim_order = claim_order(
                    self._take((row.organization_id, row.priority), submitted_ms), row.priority
                )

    def _take(self, line: Line, now_ms: int) -> int:
        place = now_ms if self._serving is None else self._serving
        if line in self._ends:
            urgency = max(0, DEFAULT_PRIORITY - line[1])
            place = max(place, self._ends[line] + PLACE_MS * (1 + urgency))
        self._ends[line] = place
        return place

    def _look_again(self) -> None:
        """Look who is first, once a second; lines that the serving has passed are forgotten."""
        now = self._clock()
        if self._looked_at is not None and now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        first = self._look()
        if first is None:
            self._serving = None
            self._ends.clear()
            return
        serving = first if self._serving is None else max(first, self._serving)
        self._serving = serving
        self._ends = {line: end for line, end in self._ends.items() if end + PLACE_MS > serving}


lines = Lines()
