"""Watches contexts from outside: a read-only connection of its own to the SQLite file, which disturbs nobody."""

import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.processes import BenchFailed

OPEN = "'held', 'pending', 'processing', 'retrying'"
LOOK_SECONDS = 0.005


class Watch:
    """Looks every 5 ms at most; one look is one row of an index."""

    def __init__(self, database: Path) -> None:
        self._connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5, isolation_level=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, values).fetchall()

    def wait_for_end(self, *, seconds: float, check: Callable[[], None]) -> float:
        """Wait until no context is open; return when that was seen, in monotonic seconds.

        Args:
            check: raises where waiting has no sense any more.

        Raises:
            BenchFailed: some are open after so many seconds, or not all of them completed.
        """
        deadline = time.monotonic() + seconds
        while self.rows(f"SELECT 1 FROM contexts WHERE status IN ({OPEN}) LIMIT 1"):
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
        while self.rows("SELECT status FROM contexts WHERE _id = ?", context_id) != [("completed",)]:
            if time.monotonic() > deadline:
                raise BenchFailed(f"{context_id} has not completed within {seconds:g} s")
            time.sleep(0.001)
        return time.monotonic()

    def ended_at(self, context_id: str) -> datetime:
        """Return when a completed context ended, as its row says, in milliseconds."""
        ((text,),) = self.rows("SELECT ended_at FROM contexts WHERE _id = ?", context_id)
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    def counts(self) -> dict[str, int]:
        return dict(self.rows("SELECT status, COUNT(*) FROM contexts GROUP BY status"))

    def drain_pids(self) -> list[int]:
        return [pid for (pid,) in self.rows("SELECT pid FROM workers WHERE state = 'live'")]
