"""Memory that a cluster's processes share: a byte that tells every drain to stop, and a pulse of the chores.

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
