"""One turn at operations on many: chunk after chunk, of each operation in its turn, until the time is up.

The order of writes makes a crash harmless: first the contexts are moved, each leaving the operation's id in its log;
then what came of the chunk is written with the cursor, if that is still what was read. After a crash between the two
the chunk is looked at again, and its contexts tell that they were moved.
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from base import clock
from base.locks import one_at_a_time
from base.problems import Busy
from base.turns import write_soon
from contexts.bulk.bell import bell
from contexts.bulk.chunk import Came, chunk_move
from contexts.bulk.models import BulkOperation, BulkState
from contexts.bulk.operations import movable, operations_at_work, state_changed, trial_outcome
from contexts.bulk.selection import Selection
from contexts.states import OPEN, Status

CHUNK = 100
# Short: the sweep, webhooks and trials share three processes with it.
TURN_SECONDS = 10.0
LOOK_SECONDS = 0.25
REASONS_KEPT = 20
EXAMPLES_KEPT = 100
OTHER_REASONS = "for other reasons"


def take_turn(*, should_stop: Callable[[], bool] = lambda: False, seconds: float = TURN_SECONDS) -> int:
    """Work at what there is. Return how many contexts were looked at; none where somebody else is at it."""
    looked_at = 0
    try:
        with one_at_a_time("bulk", "Somebody else works at them."):
            ends_at = time.monotonic() + seconds
            while not should_stop() and time.monotonic() < ends_at:
                operations = list(operations_at_work())
                if not operations:
                    break
                number = sum(work_at(operation) for operation in operations)
                looked_at += number
                if not number:
                    time.sleep(LOOK_SECONDS)  # a trial is on its way
    except Busy:
        return 0
    if operations_at_work().exists():
        bell.ring()
    return looked_at


def work_at(operation: BulkOperation) -> int:
    """Take one step with an operation; return how many contexts it looked at."""
    if operation.state == BulkState.WATCHING:
        _judge(operation)
        return 0
    if operation.state == BulkState.TRYING and len(operation.trial_ids) >= operation.trial:
        state_changed(operation, [BulkState.TRYING], BulkState.WATCHING)
        return 0
    ids = _next(operation)
    if not ids:
        state_changed(operation, [BulkState(operation.state)], BulkState.DONE)
        return 0
    came = chunk_move(operation, ids)
    _note(operation, ids[-1], came)
    return len(ids)


def _next(operation: BulkOperation) -> list[str]:
    """Return the next contexts by their ids: a walk along an index, never a count or an offset."""
    most = CHUNK
    if operation.state == BulkState.TRYING:
        most = min(CHUNK, operation.trial - len(operation.trial_ids))
    rows = movable(operation.action, Selection.model_validate(operation.selection))
    rows = rows.filter(pk__gt=operation.cursor, pk__lte=operation.until).order_by("pk")
    # not values_list: MongoDB would choose the field first and then sort, without an index
    return [row.pk for row in rows.only("pk")[:most]]


def _note(operation: BulkOperation, last: str, came: Came) -> None:
    """Write what came of a chunk, once: of twins that moved the same the first to name the cursor does."""
    values: dict[str, Any] = {
        "cursor": last,
        "done": operation.done + len(came.done),
        "skipped": operation.skipped + len(came.skipped),
        "failed": operation.failed + len(came.failed),
        "reasons": _reasons(operation, came),
        "examples": _examples(operation, came),
        "updated_at": clock.now(),
    }
    if operation.state == BulkState.TRYING:
        values["trial_ids"] = [*operation.trial_ids, *sorted(came.done)]
    rows = BulkOperation.objects.filter(pk=operation.pk, cursor=operation.cursor)
    write_soon(lambda: rows.update(**values))


def _reasons(operation: BulkOperation, came: Came) -> dict[str, int]:
    counted = Counter(operation.reasons)
    for reason in [*came.skipped.values(), *came.failed.values()]:
        is_new = reason not in counted and len(counted) >= REASONS_KEPT
        counted[OTHER_REASONS if is_new else reason] += 1
    return dict(counted)


def _examples(operation: BulkOperation, came: Came) -> list[dict[str, str]]:
    new = [{"id": pk, "reason": reason} for pk, reason in sorted({**came.skipped, **came.failed}.items())]
    return [*operation.examples, *new][:EXAMPLES_KEPT]


def _judge(operation: BulkOperation) -> None:
    """Look what became of the trial; decide once none of it is open any more."""
    outcome = trial_outcome(operation)
    total = sum(outcome.values())
    if any(outcome.get(status) for status in OPEN):
        return
    failed = outcome.get(Status.FAILED, 0)
    if total and failed * 100 > operation.most_failed_percent * total:
        because = f"{failed} of the {total} that were tried first failed again"
        state_changed(operation, [BulkState.WATCHING], BulkState.STOPPED, because)
    else:
        state_changed(operation, [BulkState.WATCHING], BulkState.ASKING if operation.asks else BulkState.RUNNING)
