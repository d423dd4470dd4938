"""Asks an installation's database itself, past everything that Draftline says."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from pymongo import MongoClient

Row = dict[str, Any]
JSON_COLUMNS = {"data", "processing", "step_runs", "moves", "error", "metadata", "pipeline"}


class Database(Protocol):
    """A row is ``{column: value}``, with JSON and aware times as Python has them; the key is ``_id``."""

    def contexts(self, **equal: Any) -> list[Row]: ...

    def workers(self, **equal: Any) -> list[Row]: ...

    def trial_items(self, **equal: Any) -> list[Row]: ...

    def close(self) -> None: ...


class SqliteDatabase:
    def __init__(self, path: Path) -> None:
        self.path = path

    def contexts(self, **equal: Any) -> list[Row]:
        return self._select("contexts", equal)

    def workers(self, **equal: Any) -> list[Row]:
        return self._select("workers", equal)

    def trial_items(self, **equal: Any) -> list[Row]:
        return self._select("trial_items", equal)

    def _select(self, table: str, equal: dict[str, Any]) -> list[Row]:
        where = " AND ".join(f"{column} = ?" for column in equal) or "1"
        with closing(sqlite3.connect(self.path, timeout=20)) as database:
            database.row_factory = sqlite3.Row
            found = database.execute(f"SELECT * FROM {table} WHERE {where}", tuple(equal.values())).fetchall()
        return [{column: _read(column, row[column]) for column in row.keys()} for row in found]  # noqa: SIM118

    def tell(self, statement: str) -> list[Any]:
        """Carry out a statement; return what it finds."""
        with closing(sqlite3.connect(self.path, timeout=20)) as database, database:
            return database.execute(statement).fetchall()

    def close(self) -> None:
        """There is nothing to close."""


def _read(column: str, value: Any) -> Any:
    if column in JSON_COLUMNS and value is not None:
        return json.loads(value)
    if column.endswith("_at") and value is not None:
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value


class MongoDatabase:
    def __init__(self, url: str) -> None:
        self._client: MongoClient[Row] = MongoClient(url, tz_aware=True, serverSelectionTimeoutMS=20_000)
        self._database = self._client.get_default_database()

    def contexts(self, **equal: Any) -> list[Row]:
        return list(self._database["contexts"].find(equal))

    def workers(self, **equal: Any) -> list[Row]:
        return list(self._database["workers"].find(equal))

    def trial_items(self, **equal: Any) -> list[Row]:
        return list(self._database["trial_items"].find(equal))

    def close(self) -> None:
        """Drop the database: many installations share a server."""
        self._client.drop_database(self._database)
        self._client.close()
