"""Writes a group of checkpoints and ends in one commit, each matched against its lease. Blocking code.

SQL databases get one prepared statement for each kind of write: the ORM would build each UPDATE anew, at five times
the cost. MongoDB goes through the ORM. Both paths keep the same contract, and one test holds both to it.
"""

from functools import cache
from typing import Any

import orjson
from django.db import connection, models, transaction
from django.db.models import F

from contexts.engine.job import Write
from contexts.models import Context, StepTranscript
from contexts.states import MOVES, sources, target


def write_group(writes: list[Write]) -> list[bool]:
    """Make all writes durable in one commit. Return for each whether the row still matched its lease.

    Transcripts go first: one without its checkpoint is harmless. Repeating a whole group is harmless too: a
    checkpoint writes the same again, and an end matches nothing any more.
    """
    return group_by_orm(writes) if connection.vendor == "mongodb" else group_by_sql(writes)


def _transcripts(writes: list[Write]) -> dict[str, StepTranscript]:
    return {
        item.id: StepTranscript(id=item.id, context_id=item.context_id, prompt=item.prompt, output=item.output)
        for write in writes
        for item in write.transcripts
    }


def _columns_of(write: Write) -> dict[str, Any]:
    """Return what a write sets, but for the revision."""
    came_from, leads_to = MOVES[write.move]
    if leads_to in came_from:  # a checkpoint keeps status and lease
        return write.values
    return {**write.values, "status": target(write.move), "lease_token": ""}


def group_by_orm(writes: list[Write]) -> list[bool]:
    """Do a group through the ORM, on any database."""
    rows = _transcripts(writes)
    with transaction.atomic():
        if rows:
            present = set(StepTranscript.objects.filter(pk__in=list(rows)).values_list("pk", flat=True))
            StepTranscript.objects.bulk_create(row for key, row in rows.items() if key not in present)
        return [_write_by_orm(write) for write in writes]


def _write_by_orm(write: Write) -> bool:
    matched = Context.objects.filter(
        pk=write.context_id,
        lease_token=write.lease.token,
        attempts=write.lease.attempt,
        status__in=sources(write.move),
    ).update(**_columns_of(write), revision=F("revision") + 1)
    return bool(matched)


def group_by_sql(writes: list[Write]) -> list[bool]:
    """Do a group with prepared statements. All JSON is made before the database's one write lock is taken."""
    updates = [_update(write) for write in writes]
    rows = _transcripts(writes)
    with transaction.atomic(), connection.cursor() as cursor:
        if rows:
            StepTranscript.objects.bulk_create(rows.values(), ignore_conflicts=True)
        return [cursor.execute(*update).rowcount == 1 for update in updates]


def _update(write: Write) -> tuple[str, list[Any]]:
    """Return the statement of a write and its parameters."""
    values = _columns_of(write)
    allowed = sources(write.move)
    stored = [_stored(name, value) for name, value in values.items()]
    lease = (write.context_id, write.lease.token, write.lease.attempt)
    return _statement(tuple(values), len(allowed)), [*stored, *lease, *allowed]


@cache
def _statement(names: tuple[str, ...], count_of_statuses: int) -> str:
    """Return the UPDATE for these fields; columns come from the model alone, never from what is written."""
    quoted = connection.ops.quote_name
    revision = quoted("revision")
    changes = [*(f"{quoted(str(_field(name).column))} = %s" for name in names), f"{revision} = {revision} + 1"]
    return (
        f"UPDATE {quoted(Context._meta.db_table)} SET {', '.join(changes)} "  # noqa: S608
        f"WHERE {quoted('_id')} = %s AND {quoted('lease_token')} = %s AND {quoted('attempts')} = %s "
        f"AND {quoted('status')} IN ({', '.join(['%s'] * count_of_statuses)})"
    )


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
