"""Watches contexts from outside: a connection of its own to the database, which disturbs nobody."""

import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pymongo import MongoClient

from benchmarks.processes import BenchFailed

OPEN = ("held", "pending", "processing", "retrying")
LOOK_SECONDS = 0.005


class Watch(ABC):
    """Looks every 5 ms at most; one look is one row of an index."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def has_open(self) -> bool:
        """Tell whether any context is open."""

    @abstractmethod
    def has_completed(self, context_id: str) -> bool: ...

    @abstractmethod
    def ended_at(self, context_id: str) -> datetime:
        """Return when a completed context ended, as its row says, in milliseconds."""

    @abstractmethod
    def context_ids(self) -> list[str]: ...

    @abstractmethod
    def counts(self) -> dict[str, int]:
        """Return how many contexts there are of each status."""

    @abstractmethod
    def drain_pids(self) -> list[int]:
        """Return the processes whose drains live, as their rows say."""

    def wait_for_end(self, *, seconds: float, check: Callable[[], None]) -> float:
        """Wait until no context is open; return when that was seen, in monotonic seconds.

        Args:
            check: raises where waiting has no sense any more.

        Raises:
            BenchFailed: some are open after so many seconds, or not all of them completed.
        """
        deadline = time.monotonic() + seconds
        while self.has_open():
            check()
            if time.monotonic() > deadline:
                raise BenchFailed(f"contexts are still open after {seconds:g} s: {self.counts()}")
            time.sleep(LOOK_SECONDS)
        seen_at = time.monotonic()
        if set(self.counts()) != {"completed"}:
            raise BenchFailed(f"not all contexts completed: {self.counts()}")
        return seen_at

    def wait_for_context(self, context_id: str, *, seconds: float) -> float:
        """Wait until a context has completed, looking each millisecond; return when that was seen.

        Raises:
            BenchFailed: it has not within so many seconds.
        """
        deadline = time.monotonic() + seconds
        while not self.has_completed(context_id):
            if time.monotonic() > deadline:
                raise BenchFailed(f"{context_id} has not completed within {seconds:g} s")
            time.sleep(0.001)
        return time.monotonic()


class SqliteWatch(Watch):
    """A read-only connection to the SQLite file."""

    def __init__(self, database: Path) -> None:
        self._connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5, isolation_level=None)

    def close(self) -> None:
        self._connection.close()

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, values).fetchall()

    def has_open(self) -> bool:
        places = ", ".join("?" * len(OPEN))
        return bool(self._rows(f"SELECT 1 FROM contexts WHERE status IN ({places}) LIMIT 1", *OPEN))

    def has_completed(self, context_id: str) -> bool:
        return self._rows("SELECT status FROM contexts WHERE _id = ?", context_id) == [("completed",)]

    def ended_at(self, context_id: str) -> datetime:
        ((text,),) = self._rows("SELECT ended_at FROM contexts WHERE _id = ?", context_id)
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    def context_ids(self) -> list[str]:
        return [context_id for (context_id,) in self._rows("SELECT _id FROM contexts")]

    def counts(self) -> dict[str, int]:
        return dict(self._rows("SELECT status, COUNT(*) FROM contexts GROUP BY status"))

    def drain_pids(self) -> list[int]:
        return [pid for (pid,) in self._rows("SELECT pid FROM workers WHERE state = 'live'")]


class MongoWatch(Watch):
    """A client of its own."""

    def __init__(self, url: str) -> None:
        self._client: MongoClient[dict[str, Any]] = MongoClient(url, tz_aware=True)
        database = self._client.get_default_database()
        self._contexts, self._workers = database["contexts"], database["workers"]

    def close(self) -> None:
        self._client.close()

    def has_open(self) -> bool:
        return self._contexts.find_one({"status": {"$in": OPEN}}, {"_id": 1}) is not None

    def has_completed(self, context_id: str) -> bool:
        return self._contexts.find_one({"_id": context_id, "status": "completed"}, {"_id": 1}) is not None

    def ended_at(self, context_id: str) -> datetime:
        row = self._contexts.find_one({"_id": context_id}, {"ended_at": 1})
        assert row is not None
        ended: datetime = row["ended_at"]
        return ended

    def context_ids(self) -> list[str]:
        return [row["_id"] for row in self._contexts.find({}, {"_id": 1})]

    def counts(self) -> dict[str, int]:
        by_status = self._contexts.aggregate([{"$group": {"_id": "$status", "number": {"$sum": 1}}}])
        return {row["_id"]: int(row["number"]) for row in by_status}

    def drain_pids(self) -> list[int]:
        return [int(row["pid"]) for row in self._workers.find({"state": "live"}, {"pid": 1})]
