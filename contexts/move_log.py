"""The log in a context's row: an entry for each move, appended by the same update, so that no reader misses one.

An entry is ``{revision, at, status, attempt}`` and, where there is more to tell, ``steps`` (how many entries the
history of step runs has since), ``reason`` (in plain words), ``error`` and ``act`` (`contexts.acts`: who wished for
it and why). The database itself appends: whoever moves a context need not have read it, and a write that is repeated
only adds an entry that tells nothing new.
"""

from datetime import datetime
from typing import Any

from django.db.models import F, Func, JSONField, Value

from base.clock import to_iso
from contexts.acts import Act
from contexts.states import Move, Status, target

# A provider that is away for hours sends a context round and round; the log must not grow with it.
MOVES_KEPT = 500
SHORTEST_ENTRY = '{"revision":1,"attempt":0,"at":"2026-01-01T00:00:00Z","status":"failed"},'
SURELY_NOT_FULL = MOVES_KEPT * len(SHORTEST_ENTRY)  # characters
ERROR_KEYS = ("component", "type", "message", "retryable")

Entry = dict[str, Any]


def first_entry(moment: datetime) -> Entry:
    """Return what the log of a new context begins with."""
    return {"revision": 1, "attempt": 0, **entry(Status.PENDING, moment)}


def entry(
    status: str,
    moment: datetime,
    *,
    steps: int | None = None,
    reason: str = "",
    error: dict[str, Any] | None = None,
    act: Act | None = None,
) -> Entry:
    """Return an entry but for what the database adds: revision and attempt."""
    found: Entry = {"at": to_iso(moment), "status": str(status)}
    if steps is not None:
        found["steps"] = steps
    if reason:
        found["reason"] = reason
    if error:
        found["error"] = {key: error.get(key) for key in ERROR_KEYS}
    if act:
        found["act"] = act.document()
    return found


def moved(move: Move, now: datetime, **facts: Any) -> dict[str, Any]:
    """Return the columns that every move from outside a runner sets.

    Args:
        facts: see `entry`.
    """
    return {
        "status": target(move),
        "updated_at": now,
        "revision": F("revision") + 1,
        "moves": Appended(entry(target(move), now, **facts), attempts_more=1 if move is Move.CLAIM else 0),
    }


class Appended(Func):
    """The log with one entry more, as an expression for an update.

    Args:
        attempts_more: how many attempts the same update adds.
    """

    def __init__(self, entry: Entry, attempts_more: int = 0) -> None:
        log, revision = F("moves"), F("revision") + 1
        super().__init__(log, Value(entry, JSONField()), revision, F("attempts") + attempts_more)
        self.output_field = JSONField()
        self._entry = entry
        self._attempts_more = attempts_more

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, tuple[Any, ...]]:
        """Return what an UPDATE takes."""
        (log, _), added, revision, attempt = [compiler.compile(source) for source in self.get_source_expressions()]
        sql = appended_on_sqlite(log, added[0], {"revision": revision[0], "attempt": attempt[0]})
        return sql, (*revision[1], *attempt[1], *added[1])

    def as_mql_expr(self, compiler: Any, connection: Any, **extra: Any) -> dict[str, Any]:
        """Return what an update by pipeline takes."""
        return appended_on_mongo(self._entry, self._attempts_more)


def appended_on_sqlite(log: str, entry: str, counted: dict[str, str]) -> str:
    """Return SQL for a log with one entry more; where it is full, its oldest one makes room.

    All of it is text that JSON was made of before, so text is joined: to read and write the whole log as JSON would
    take the database six times as long.

    Args:
        log: SQL for the log.
        entry: SQL for the entry as JSON, an object that is not empty.
        counted: ``{key: SQL of a number}``, what the database adds to the entry, in this order.
    """
    shorter = f"JSON_REMOVE({log}, '$[0]')"
    opened = (
        f"CASE WHEN {log} = '[]' THEN '[' "
        f"WHEN LENGTH({log}) < {SURELY_NOT_FULL} OR JSON_ARRAY_LENGTH({log}) < {MOVES_KEPT} THEN {_opened(log)} "
        f"ELSE {_opened(shorter)} END"
    )
    keys = "".join(f"'\"{key}\":' || {number} || ',' || " for key, number in counted.items())
    return f"{opened} || '{{' || {keys}SUBSTR({entry}, 2) || ']'"


def _opened(log: str) -> str:
    return f"SUBSTR({log}, 1, LENGTH({log}) - 1) || ','"


def appended_on_mongo(entry: Entry, attempts_more: int = 0) -> dict[str, Any]:
    """Return the log with one entry more, as an expression of MongoDB."""
    counted = {"revision": {"$add": ["$revision", 1]}, "attempt": {"$add": ["$attempts", attempts_more]}}
    added = {"$mergeObjects": [{"$literal": entry}, counted]}
    # a process of an earlier version, in the middle of an upgrade, inserts rows without a log
    log = {"$ifNull": ["$moves", []]}
    return {"$slice": [{"$concatArrays": [log, [added]]}, -MOVES_KEPT]}
