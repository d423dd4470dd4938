"""Hears that somebody has written to the database, at almost no cost.

SQLite counts commits: ``PRAGMA data_version`` on a connection of its own changes when another connection has
committed (22 us a look). Elsewhere whoever writes says so through Redis (subscriber.py); without Redis the database is
looked at every 250 ms.

Source: https://www.sqlite.org/pragma.html#pragma_data_version
"""

import sqlite3
from collections.abc import Callable
from typing import Protocol

from django.db import connection

from contexts.engine.every import Every
from contexts.engine.subscriber import DOORBELL, POLL_SECONDS, RedisListener, is_heard_by_redis

SQLITE_LOOK_SECONDS = 0.015


class Listener(Protocol):
    @property
    def look_seconds(self) -> float:
        """How long it may go unasked now, unless it wakes its owner before."""
        ...

    def has_news(self) -> bool:
        """Tell whether it is worth looking for work now. Keeps its own pace, however often it is asked."""
        ...

    async def aclose(self) -> None: ...


class SqliteListener:
    """Watches the commit counter of a SQLite file. Must stay in the thread that made it."""

    look_seconds = SQLITE_LOOK_SECONDS

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, uri=path.startswith("file:"), timeout=0.05)
        self._look_due = Every(SQLITE_LOOK_SECONDS)
        self._seen = self._version()

    def has_news(self) -> bool:
        return self._look_due.is_due() and self._is_changed()

    def _is_changed(self) -> bool:
        try:
            version = self._version()
        except sqlite3.OperationalError:  # locked for a moment: look for work rather than miss it
            return True
        changed, self._seen = version != self._seen, version
        return changed

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    async def aclose(self) -> None:
        self._connection.close()


class PollListener:
    """Where nothing tells: there may always be news."""

    look_seconds = POLL_SECONDS

    def __init__(self) -> None:
        self._look_due = Every(POLL_SECONDS)

    def has_news(self) -> bool:
        return self._look_due.is_due()

    async def aclose(self) -> None:
        """There is nothing to close."""


def make_listener(wake: Callable[[], None], channel: str = DOORBELL) -> Listener:
    """Return the listener for the configured stores; make it on the running loop, close it there.

    Args:
        wake: called on the loop when there are news, by a listener that is told.
        channel: what to hear of Redis.
    """
    if is_heard_by_redis():
        return RedisListener(wake, channel)
    if connection.vendor == "sqlite":
        return SqliteListener(str(connection.settings_dict["NAME"]))
    return PollListener()
