"""System checks for the database itself: Draftline needs what older ones lack."""

import sqlite3
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import connection

# UPDATE ... FROM, with which a worker writes a whole group by one statement
LEAST_SQLITE = (3, 33)
# the command bulkWrite, with which it does the same
LEAST_MONGODB = (8, 0)


def check_sqlite(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Return whether the SQLite that Python brings along is too old."""
    if connection.vendor != "sqlite" or sqlite3.sqlite_version_info >= LEAST_SQLITE:
        return []
    hint = "Install a newer SQLite, or a Python that brings one along."
    return [Error(_too_old("SQLite", sqlite3.sqlite_version_info, LEAST_SQLITE), hint=hint, id="draftline.E020")]


def check_mongodb(databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Return whether the MongoDB is too old. Asks it, so this is part of ``migrate`` and ``check --database``."""
    if connection.vendor != "mongodb" or not databases:
        return []
    connection.ensure_connection()
    version: tuple[int, ...] = connection.get_database_version()
    if version >= LEAST_MONGODB:
        return []
    hint = "Upgrade the server; DATABASE_URL says which one it is."
    return [Error(_too_old("MongoDB", version, LEAST_MONGODB), hint=hint, id="draftline.E021")]


def _too_old(name: str, version: tuple[int, ...], least: tuple[int, ...]) -> str:
    return f"{name} {_dotted(version)} is too old: Draftline needs {_dotted(least)} or newer."


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
