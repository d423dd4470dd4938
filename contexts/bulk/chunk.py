"""Moves one chunk of contexts, each at most once whatever dies in the middle, and says what came of each.

A move leaves the operation's id in the log of the context, by the same update. So whoever repeats a chunk, after a
crash or beside a twin, sees which of its contexts were moved already and leaves them alone, even where they have failed
again since.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import Error

from base import clock
from base.problems import Problem
from base.turns import write_soon
from contexts.acts import Act, is_part_of
from contexts.bulk.models import BulkAction, BulkOperation
from contexts.doorbell import doorbell
from contexts.engine.subscriber import tell_listeners, tell_watchers
from contexts.models import Context
from contexts.retry_plan import FROM_FAILED
from contexts.services import context_retry
from contexts.states import Move, sources
from contexts.updates import cancelled, retried
from contexts.webhooks.bell import bell
from contexts.webhooks.outbox import announce_now

READ = ("pk", "status", "revision", "organization_id", "moves")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Row:
    """What is read of a context before it is moved."""

    pk: str
    status: str
    revision: int
    organization_id: str
    moves: list[dict[str, Any]]


@dataclass
class Came:
    """What came of a chunk: ids that were moved, and why others were not."""

    done: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def act_of(operation: BulkOperation) -> Act:
    """Return what the log of each context keeps."""
    did = f"retried from {_named(operation.from_step)}" if operation.action == BulkAction.RETRY else "cancelled"
    return Act(operation.user_id or "", operation.user_name, did, operation.why, operation.pk)


def _named(step: str) -> str:
    return {"failed": "the failed step", "start": "the start"}.get(step, step)


def read_rows(ids: Iterable[str]) -> list[Row]:
    """Return the contexts as they stand, in the order of their ids."""
    rows = Context.objects.filter(pk__in=list(ids)).order_by("pk").values_list(*READ)
    return [Row(*row) for row in rows]


def chunk_move(operation: BulkOperation, ids: list[str]) -> Came:
    """Move what can be moved of these contexts."""
    came = Came()
    rows = read_rows(ids)
    came.done = [row.pk for row in rows if is_part_of(row.moves, operation.pk)]
    todo = [row for row in rows if row.pk not in set(came.done)]
    if operation.action == BulkAction.RETRY and operation.from_step != FROM_FAILED:
        _retry_one_by_one(operation, todo, came)
    else:
        _move_together(operation, todo, came)
    return came


def _move_together(operation: BulkOperation, todo: list[Row], came: Came) -> None:
    """Move those of a kind with one statement, then look which of them it was."""
    is_retry = operation.action == BulkAction.RETRY
    if is_retry:
        announce_now(Context.objects.filter(pk__in=[row.pk for row in todo]))
    groups: dict[tuple[str, int], list[str]] = defaultdict(list)
    for row in todo:
        groups[row.organization_id, row.revision if is_retry else 0].append(row.pk)
    for (organization_id, revision), group in groups.items():
        _retry_group(operation, group, revision) if is_retry else _cancel_group(operation, group, organization_id)
    _ring(is_retry, {organization_id for organization_id, _ in groups})
    for row in read_rows([row.pk for row in todo]):
        if is_part_of(row.moves, operation.pk):
            came.done.append(row.pk)
        else:
            came.skipped[row.pk] = f"it is {row.status}" if not is_retry or row.status != "failed" else "it has changed"


def _retry_group(operation: BulkOperation, ids: list[str], revision: int) -> None:
    # what has ended since it was announced waits for its announcement, as in a batch
    rows = Context.objects.filter(pk__in=ids, status__in=sources(Move.RETRY), revision=revision).exclude(announce=True)
    write_soon(lambda: rows.update(**retried(clock.now(), act_of(operation))))


def _cancel_group(operation: BulkOperation, ids: list[str], organization_id: str) -> None:
    rows = Context.objects.filter(pk__in=ids, status__in=sources(Move.CANCEL))
    write_soon(lambda: rows.update(**cancelled(clock.now(), organization_id, act_of(operation))))


def _ring(is_retry: bool, organization_ids: set[str]) -> None:
    tell_watchers()
    if is_retry:
        doorbell.ring()
        return
    tell_listeners()  # the owners
    for organization_id in organization_ids:
        bell.ring_for(organization_id)


def _retry_one_by_one(operation: BulkOperation, todo: list[Row], came: Came) -> None:
    act = act_of(operation)
    for row in todo:
        try:
            context_retry(
                row.pk, organization_id=None, from_step=operation.from_step, seen_revision=row.revision, act=act
            )
            came.done.append(row.pk)
        except Problem as problem:
            came.skipped[row.pk] = problem.detail.replace(row.pk, "it")
        except Error:
            raise  # the database is away: nobody's fault, the chunk is repeated
        except Exception as exc:  # a row that somebody has changed by hand must not stop the others
            logger.exception("bulk_context_broke context=%s operation=%s", row.pk, operation.pk)
            came.failed[row.pk] = f"it broke with {type(exc).__name__}"
