"""Gets a short write to SQLite's one write lock soon, beside workers that write without a pause.

SQLite lets who waits for the lock sleep, each time a little longer, up to a tenth of a second; a worker's next group
comes sooner than that, again and again. So the threads of this process take turns, and the one whose turn it is asks
every millisecond. On another database a write is just made.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

ASK_AGAIN_SECONDS = 0.001

T = TypeVar("T")

_turn = threading.Lock()


def write_soon(write: Callable[[], T]) -> T:
    """Return what ``write`` returns: one statement, or one transaction; it is repeated while the lock is taken.

    Raises:
        OperationalError: the lock stayed taken for as long as the database's time-out.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:  # whoever is within a transaction has the lock
        return write()
    connection.ensure_connection()
    with _turn, _not_sleeping(connection) as most_seconds:
        return _asked_often(write, time.monotonic() + most_seconds)


def _asked_often(write: Callable[[], T], deadline: float) -> T:
    while True:
        try:
            return write()
        except OperationalError as exc:
            if not _is_taken(exc) or time.monotonic() >= deadline:
                raise
            time.sleep(ASK_AGAIN_SECONDS)


def _is_taken(exc: OperationalError) -> bool:
    cause = exc.__cause__
    return isinstance(cause, sqlite3.OperationalError) and cause.sqlite_errorcode == sqlite3.SQLITE_BUSY


@contextmanager
def _not_sleeping(database: BaseDatabaseWrapper) -> Iterator[float]:
    """Let SQLite say at once that the lock is taken; yields how many seconds it waits otherwise."""
    seconds = float(database.settings_dict["OPTIONS"].get("timeout", 5.0))
    raw = database.connection
    raw.execute("PRAGMA busy_timeout = 0")
    try:
        yield seconds
    finally:
        raw.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
