"""Where in the line a worker takes from, when others take from its head too. Pure.

Workers that look at the same moment see the same line, and all but one go away with nothing; on MongoDB they also hold
each other up. So whoever loses a race looks further down, at a part of the line chosen by chance, and comes nearer to
the head again as long as it loses none. The head is one of the parts: somebody takes it soon.
"""

import math
import random
from collections.abc import Sequence
from typing import TypeVar

MOST_PARTS = 8
NEARER = 0.5

T = TypeVar("T")


class Crowd:
    """One worker's notion of how many others there are."""

    def __init__(self, chance: random.Random | None = None) -> None:
        self._parts = 1.0
        self._chance = chance or random.Random()  # noqa: S311 - nothing secret

    @property
    def parts(self) -> int:
        """How many times its room a worker looks at."""
        return int(self._parts)

    def part(self, line: Sequence[T], room: int) -> Sequence[T]:
        """Return the part of a line to take from: a part of its own length, all of a short one."""
        parts = min(self.parts, math.ceil(len(line) / room))
        begin = room * self._chance.randrange(parts) if parts else 0
        return line[begin : begin + room]

    def note(self, *, asked: int, got: int) -> None:
        """Take note of how a claim went."""
        self._parts = min(self._parts * 2, MOST_PARTS) if got < asked else max(self._parts - NEARER, 1.0)
