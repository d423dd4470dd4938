"""What people wish of operations on many: begin, go on after the trial, stop. Each one conditional write."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError
from django.db.models import QuerySet

from base import clock
from base.ids import first_id_at
from base.inserting import insert
from base.problems import Conflict, Fault, InvalidInput, NotFound
from base.turns import write_soon
from contexts.acts import why_read
from contexts.bulk.bell import bell
from contexts.bulk.models import AT_WORK, UNFINISHED, BulkAction, BulkOperation, BulkState, new_operation_id
from contexts.bulk.selection import Selection, bounded_count
from contexts.models import Context
from contexts.retry_plan import FROM_FAILED
from contexts.states import Move, sources

MAX_TRIAL = 100
MAX_STEP_LENGTH = 100
KEPT = timedelta(days=90)
PRUNED_AT_ONCE = 1000
MOVE_OF = {BulkAction.RETRY: Move.RETRY, BulkAction.CANCEL: Move.CANCEL}


@dataclass(frozen=True)
class BulkWish:
    """What is to be done, with which contexts, on whose behalf.

    Args:
        organization_id: whose staff wish for it; None for staff of Draftline.
        trial: how many are tried first; 0 for none.
        asks: whether a person is asked after the trial.
        most_failed_percent: more failures of the trial than that stop it.
    """

    action: BulkAction
    selection: Selection
    user_id: str
    user_name: str
    organization_id: str | None = None
    from_step: str = FROM_FAILED
    why: str = ""
    trial: int = 0
    asks: bool = True
    most_failed_percent: int = 100


def movable(action: str, selection: Selection) -> QuerySet[Context]:
    """Return the contexts of a selection that the action can move as they stand now, to be walked by their ids."""
    return selection.contexts(sources(MOVE_OF[BulkAction(action)]))


def movable_count(action: str, selection: Selection) -> int:
    """Count them, no further than just beyond the bound."""
    return bounded_count(selection.by_status(sources(MOVE_OF[BulkAction(action)])))


def movable_first(action: str, selection: Selection, most: int) -> list[str]:
    """Return the ids of the first of them."""
    queries = selection.by_status(sources(MOVE_OF[BulkAction(action)]))
    return sorted(row.pk for rows in queries for row in rows.only("pk").order_by("pk")[:most])[:most]


def movable_last(action: str, selection: Selection) -> str:
    """Return the id of the last of them; empty where there is none."""
    queries = selection.by_status(sources(MOVE_OF[BulkAction(action)]))
    return max((row.pk for rows in queries for row in rows.only("pk").order_by("-pk")[:1]), default="")


def bulk_begin(wish: BulkWish, *, operation_id: str | None = None) -> BulkOperation:
    """Store a wish for many and wake who works at it. Safe to repeat with the same id, as by a second click.

    Raises:
        InvalidInput: a number, the reason or the step will not do.
        Conflict: there is nothing that it could move.
    """
    _check(wish)
    last = movable_last(wish.action, wish.selection)
    if not last and not BulkOperation.objects.filter(pk=operation_id).exists():
        raise Conflict(f"There is nothing left here to {wish.action.value}.")
    operation = BulkOperation(
        id=operation_id or new_operation_id(),
        organization_id=wish.organization_id,
        user_id=wish.user_id,
        user_name=wish.user_name,
        why=why_read(wish.why),
        action=wish.action,
        from_step=wish.from_step if wish.action == BulkAction.RETRY else "",
        selection=wish.selection.stored(),
        expected=movable_count(wish.action, wish.selection),
        until=last,
        state=BulkState.TRYING if wish.trial else BulkState.RUNNING,
        trial=wish.trial,
        asks=wish.asks,
        most_failed_percent=wish.most_failed_percent,
    )
    try:
        insert([operation])
    except IntegrityError:  # the first click
        return bulk_get(operation.pk, wish.organization_id)
    bell.ring()
    return operation


def _check(wish: BulkWish) -> None:
    faults = []
    if not 0 <= wish.trial <= MAX_TRIAL:
        faults.append(Fault("/trial", f"Try at most {MAX_TRIAL} first, or 0 to try none."))
    if not 0 <= wish.most_failed_percent <= 100:
        faults.append(Fault("/most_failed_percent", "Write a share from 0 to 100 percent."))
    if not wish.from_step or len(wish.from_step) > MAX_STEP_LENGTH or "\x00" in wish.from_step:
        faults.append(Fault("/from", "Name a step."))
    if faults:
        raise InvalidInput(faults)


def bulk_get(operation_id: str, organization_id: str | None) -> BulkOperation:
    """Return one operation.

    Raises:
        NotFound: there is none, or it is another organization's.
    """
    rows = BulkOperation.objects.filter(pk=operation_id)
    found = (rows if organization_id is None else rows.filter(organization_id=organization_id)).first()
    if found is None:
        raise NotFound("There is no such operation.")
    return found


def bulk_go_on(operation: BulkOperation) -> None:
    """Go on with the rest after the trial, whatever became of it.

    Raises:
        Conflict: it does not wait for that.
    """
    _turn(operation, [BulkState.WATCHING, BulkState.ASKING], BulkState.RUNNING, "does not wait to go on")
    bell.ring()


def bulk_stop(operation: BulkOperation, because: str) -> None:
    """Stop; what was moved stays moved, at most a chunk that is under way is finished.

    Raises:
        Conflict: it has ended already.
    """
    _turn(operation, list(UNFINISHED), BulkState.STOPPED, "has ended already", because=because)


def _turn(operation: BulkOperation, sources: list[BulkState], to: BulkState, otherwise: str, because: str = "") -> None:
    if not state_changed(operation, sources, to, because):
        operation.refresh_from_db()
        raise Conflict(f"This operation {otherwise}: it is {operation.get_state_display().lower()}.")
    operation.refresh_from_db()


def state_changed(operation: BulkOperation, sources: list[BulkState], to: BulkState, because: str = "") -> bool:
    """Take an operation from one of these states to another; False where somebody was faster."""
    now = clock.now()
    values = {"state": to, "updated_at": now, "stopped_because": because[:300]}
    ended = {"ended_at": now} if to in (BulkState.STOPPED, BulkState.DONE) else {}
    rows = BulkOperation.objects.filter(pk=operation.pk, state__in=sources)
    return bool(write_soon(lambda: rows.update(**values, **ended)))


def operations_at_work() -> QuerySet[BulkOperation]:
    """Return what has something to do that waits for nobody, the oldest first."""
    return BulkOperation.objects.filter(state__in=list(AT_WORK)).order_by("pk")


def operations_prune() -> None:
    """Remove what ended long ago. Ids sort by time, so the primary key finds it."""
    old = BulkOperation.objects.filter(pk__lt=first_id_at("bulk", clock.now() - KEPT)).exclude(state__in=UNFINISHED)
    ids = list(old.order_by("pk").values_list("pk", flat=True)[:PRUNED_AT_ONCE])
    BulkOperation.objects.filter(pk__in=ids).delete()


def trial_outcome(operation: BulkOperation) -> dict[str, int]:
    """Return how many of the contexts that were tried first stand in each status."""
    found: dict[str, int] = {}
    rows = Context.objects.filter(pk__in=operation.trial_ids).order_by()
    for status in rows.values_list("status", flat=True):
        found[status] = found.get(status, 0) + 1
    return found
