"""Memory that a cluster's processes share: a byte that tells every drain to stop, how many drains are lacking, and a
pulse of the chores.

django-q2 tells a busy child nothing when it is asked to stop. The pages are made when this module is imported, in the
parent, before any fork; so all its children see the same byte.
"""

import mmap
import struct
import time


class StopByte:
    """Set in the parent, seen in its children."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE)

    def set(self) -> None:
        self._page[0] = 1

    def clear(self) -> None:
        self._page[0] = 0

    def is_set(self) -> bool:
        return self._page[0] == 1


stop_byte = StopByte()


class Vacancies:
    """How many drains a cluster lacks: said by its parent, filled by the child that fetches messages."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE)

    def announce(self, number: int) -> None:
        self._page[:4] = struct.pack("i", number)

    def fill(self, number: int) -> None:
        self.announce(max(0, self.number - number))

    @property
    def number(self) -> int:
        found: int = struct.unpack("i", self._page[:4])[0]
        return found


vacancies = Vacancies()


class Pulse:
    """Beaten in a child, felt in the parent."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE)
        self.beat()

    def beat(self) -> None:
        self._page[:8] = struct.pack("d", time.monotonic())

    @property
    def silent_seconds(self) -> float:
        """How long ago the last beat was; processes of one machine share their monotonic clock."""
        last: float = struct.unpack("d", self._page[:8])[0]
        return time.monotonic() - last


pulse = Pulse()
