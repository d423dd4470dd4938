"""Hears that somebody has written to the database, at almost no cost.

SQLite counts commits: ``PRAGMA data_version`` on a connection of its own changes when another connection has
committed (22 us a look). Other databases are looked at every 250 ms.

Source: https://www.sqlite.org/pragma.html#pragma_data_version
"""

import sqlite3
from typing import Protocol

from django.db import connection

SQLITE_LOOK_SECONDS = 0.015
POLL_SECONDS = 0.25


class Listener(Protocol):
    look_seconds: float

    def has_news(self) -> bool:
        """Tell whether it is worth looking for work since the last look."""
        ...

    def close(self) -> None: ...


class SqliteListener:
    """Watches the commit counter of a SQLite file. Must stay in the thread that made it."""

    look_seconds = SQLITE_LOOK_SECONDS

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, uri=path.startswith("file:"), timeout=0.05)
        self._seen = self._version()

    def has_news(self) -> bool:
        try:
            version = self._version()
        except sqlite3.OperationalError:  # locked for a moment: look for work rather than miss it
            return True
        changed, self._seen = version != self._seen, version
        return changed

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        self._connection.close()


class PollListener:
    """Where nothing tells: there may always be news."""

    look_seconds = POLL_SECONDS

    def has_news(self) -> bool:
        return True

    def close(self) -> None:
        """There is nothing to close."""


def make_listener() -> Listener:
    """Return the listener for the configured database."""
    if connection.vendor == "sqlite":
        return SqliteListener(str(connection.settings_dict["NAME"]))
    return PollListener()
