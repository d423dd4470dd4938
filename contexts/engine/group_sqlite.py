"""A group commit on SQLite: one prepared statement for all writes of a kind.

The ORM would build each UPDATE anew, at five times the cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import orjson
from django.db import connection, models, transaction

from contexts.engine.job import Write
from contexts.engine.write_columns import columns_of, entry_of, rows_beside
from contexts.models import AssetUse, Context, StepTranscript
from contexts.move_log import appended_on_sqlite
from contexts.states import sources

KEY_COLUMNS = 3  # context, token, attempt
LOG = "moves"


def group_on_sqlite(writes: list[Write]) -> list[bool]:
    """Do a group in one transaction; see `contexts.engine.group.write_group`.

    All JSON is made before the database's one write lock is taken. One statement for many rows needs Python's lock
    once, where a statement for each would wait for it each time while the event loop is busy.
    """
    prepared = [_Update.of(write) for write in writes]
    rows = rows_beside(writes)
    with transaction.atomic(), connection.cursor() as cursor:
        _insert(StepTranscript, rows)
        _insert(AssetUse, rows)
        if _all_at_once(cursor, prepared):
            return [True] * len(writes)
        return [_at_once(cursor, [update]) for update in prepared]


def _insert(model: type[models.Model], rows: Sequence[models.Model]) -> None:
    """Store those rows that are of this model, and not there yet."""
    if of_model := [row for row in rows if isinstance(row, model)]:
        model._default_manager.bulk_create(of_model, ignore_conflicts=True)


@dataclass(frozen=True)
class _Update:
    """One write as SQL wants it: its kind, what it is matched by, and the values to store."""

    names: tuple[str, ...]
    statuses: tuple[str, ...]
    key: tuple[str, str, int]
    values: tuple[Any, ...]

    @classmethod
    def of(cls, write: Write) -> "_Update":
        columns = columns_of(write)
        if added := entry_of(write):
            columns = {**columns, LOG: added}
        stored = tuple(_stored(name, value) for name, value in columns.items())
        key = (write.context_id, write.lease.token, write.lease.attempt)
        return cls(tuple(columns), tuple(sources(write.move)), key, stored)


def _all_at_once(cursor: Any, updates: list[_Update]) -> bool:
    """Do all updates, kind by kind; False, and nothing done, where one no longer matched or a context comes twice."""
    if len({update.key[0] for update in updates}) < len(updates):
        return False
    kinds: dict[Any, list[_Update]] = {}
    for update in updates:
        kinds.setdefault((update.names, update.statuses), []).append(update)
    before = transaction.savepoint()
    if all(_at_once(cursor, of_a_kind) for of_a_kind in kinds.values()):
        transaction.savepoint_commit(before)
        return True
    transaction.savepoint_rollback(before)
    return False


def _at_once(cursor: Any, updates: list[_Update]) -> bool:
    """Do updates of one kind with one statement; True if all rows still matched."""
    first = updates[0]
    parameters = [value for update in updates for value in (*update.key, *update.values)]
    cursor.execute(_statement(first.names, len(first.statuses), len(updates)), [*parameters, *first.statuses])
    return bool(cursor.rowcount == len(updates))


@lru_cache(maxsize=1024)
def _statement(names: tuple[str, ...], statuses: int, rows: int) -> str:
    """Return the UPDATE for these fields; columns come from the model alone, never from what is written.

    Source: https://www.sqlite.org/lang_update.html#update_from
    """
    quoted = connection.ops.quote_name
    table, revision = quoted(Context._meta.db_table), quoted("revision")
    row = f"({', '.join(['%s'] * (KEY_COLUMNS + len(names)))})"
    changes = [_change(name, f"new.column{at}") for at, name in enumerate(names, KEY_COLUMNS + 1)]
    return (
        f"UPDATE {table} SET {', '.join([*changes, f'{revision} = {table}.{revision} + 1'])} "  # noqa: S608
        f"FROM (VALUES {', '.join([row] * rows)}) AS new WHERE {table}.{quoted('_id')} = new.column1 "
        f"AND {table}.{quoted('lease_token')} = new.column2 AND {table}.{quoted('attempts')} = new.column3 "
        f"AND {table}.{quoted('status')} IN ({', '.join(['%s'] * statuses)})"
    )


def _change(name: str, value: str) -> str:
    """Return how a field is set to a value; the log of moves has it appended."""
    quoted = connection.ops.quote_name
    table, column = quoted(Context._meta.db_table), quoted(str(_field(name).column))
    if name != LOG:
        return f"{column} = {value}"
    log, revision = f"{table}.{column}", f"({table}.{quoted('revision')} + 1)"
    return f"{column} = {appended_on_sqlite(log, value, {'revision': revision})}"


@cache
def _field(name: str) -> "models.Field[Any, Any]":
    field = Context._meta.get_field(name)
    assert isinstance(field, models.Field)
    return field


def _stored(name: str, value: Any) -> Any:
    """Return a value as the database's driver takes it."""
    field = _field(name)
    if isinstance(field, models.JSONField) and value is not None:
        return orjson.dumps(value).decode()
    return field.get_db_prep_save(value, connection)
