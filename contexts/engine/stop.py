"""A byte in shared memory that tells every drain of this cluster to stop.

django-q2 tells a busy child nothing when it is asked to stop. The page is made when this module is imported, in the
parent, before any fork; so all its children see the same byte.
"""

import mmap


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
