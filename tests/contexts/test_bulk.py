"""One wish for many contexts: each at most once, tried on a few first, resumable wherever it was cut off."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError
from django_q.models import OrmQ

from base import clock
from base.ids import first_id_at
from base.problems import Conflict, InvalidInput, NotFound
from contexts.bulk import chunk, turn
from contexts.bulk.models import BulkAction, BulkOperation, BulkState
from contexts.bulk.operations import (
    KEPT,
    BulkWish,
    bulk_begin,
    bulk_get,
    bulk_go_on,
    bulk_stop,
    movable,
    operations_prune,
    trial_outcome,
)
from contexts.bulk.selection import Selection, count_text
from contexts.bulk.turn import take_turn
from contexts.models import Context
from contexts.services import context_cancel
from contexts.states import OPEN, Status
from contexts.sweep import sweep
from tests.contexts.rows import STEPS, make_context, ran_context
from tests.plans import PRIMARY_KEY, assert_reads_an_index, plans_of
from users.models import Organization

pytestmark = pytest.mark.django_db
RETRY_ALL = BulkWish(BulkAction.RETRY, Selection(), "user_1", "Ada", why="the key is mended")
CANCEL_ALL = replace(RETRY_ALL, action=BulkAction.CANCEL)


@pytest.fixture
def failed(organization) -> list[Context]:
    return [ran_context(organization, Status.FAILED, STEPS[:2]) for _ in range(5)]


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(turn, "CHUNK", 2)
    monkeypatch.setattr(turn, "LOOK_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def person(django_user_model):
    return django_user_model.objects.create(id="user_1", username="ada", name="Ada")


def begin(wish: BulkWish = RETRY_ALL, **changes: Any) -> BulkOperation:
    return bulk_begin(replace(wish, **changes))


def turned(operation: BulkOperation) -> BulkOperation:
    """Work at it until it needs something that only others can do."""

    def rests() -> bool:
        operation.refresh_from_db()
        outcome = trial_outcome(operation)
        return operation.state == BulkState.WATCHING and any(outcome.get(status) for status in OPEN)

    take_turn(should_stop=rests, seconds=60)
    operation.refresh_from_db()
    return operation


def statuses() -> dict[str, int]:
    found: dict[str, int] = {}
    for status in Context.objects.values_list("status", flat=True):
        found[status] = found.get(status, 0) + 1
    return found


def retried_times(context: Context) -> int:
    context.refresh_from_db()
    return sum("act" in entry for entry in context.moves)


# --- what it does ---------------------------------------------------------------------------------------------
def test_all_that_match_are_retried_and_say_by_whom(failed, organization):
    make_context(organization)
    operation = turned(begin())
    assert (operation.state, operation.done, operation.skipped) == (BulkState.DONE, 5, 0)
    assert statuses() == {"retrying": 5, "pending": 1}
    failed[0].refresh_from_db()
    assert failed[0].moves[-1]["act"] == {
        "by": "user_1",
        "name": "Ada",
        "did": "retried from the failed step",
        "why": "the key is mended",
        "operation": operation.pk,
    }
    assert failed[0].processing["completed_components"] == STEPS[:2]
    assert failed[0].error is None


def test_all_that_are_open_are_cancelled(failed, organization):
    for status in (Status.PENDING, Status.PROCESSING, Status.RETRYING, Status.COMPLETED):
        make_context(organization, status)
    operation = turned(begin(CANCEL_ALL))
    assert operation.done == 3
    assert statuses() == {"cancelled": 3, "completed": 1, "failed": 5}


def test_a_retry_from_a_step_rewinds_each(failed, organization):
    short = ran_context(organization, Status.FAILED, [])
    operation = turned(begin(from_step="ai_generator"))
    assert (operation.done, operation.skipped) == (5, 1)
    failed[0].refresh_from_db()
    assert failed[0].processing["completed_components"] == ["template"]
    assert "generated_content" not in failed[0].data
    assert operation.examples[0]["id"] == short.pk
    ((reason, number),) = operation.reasons.items()
    assert "was not reached" in reason
    assert number == 1


def test_only_what_was_there_is_touched(failed, organization):
    operation = begin()
    later = ran_context(organization, Status.FAILED, STEPS[:1])
    turned(operation)
    later.refresh_from_db()
    assert later.status == Status.FAILED


def test_only_what_matches_is_touched(failed, organization):
    other = Organization.objects.create(id="org_other", name="Other")
    theirs = ran_context(other, Status.FAILED, STEPS[:1], title="A whale")
    ours = ran_context(organization, Status.FAILED, STEPS[:1], title="A whale", type="poem")
    for selection in (
        Selection(organization_id=organization.pk, text="whale"),
        Selection(type="poem"),
        Selection(text=ours.pk[4:]),
        Selection(type="poem", status="failed", created_from=ours.created_at.date(), created_to=ours.created_at.date()),
    ):
        assert list(movable(BulkAction.RETRY, selection).values_list("pk", flat=True)) == [ours.pk], selection
    assert turned(begin(selection=Selection(organization_id=other.pk))).done == 1
    theirs.refresh_from_db()
    assert theirs.status == Status.RETRYING


@pytest.mark.parametrize("status", ["completed", "pending", "nonsense"])
def test_a_filter_that_leaves_nothing_to_move_is_told(failed, status):
    with pytest.raises(Conflict, match="nothing left"):
        begin(selection=Selection(status=status))
    assert not BulkOperation.objects.exists()


@pytest.mark.parametrize(
    "changes", [{"trial": -1}, {"trial": 101}, {"most_failed_percent": 101}, {"from_step": ""}, {"from_step": "\x00"}]
)
def test_a_wish_that_will_not_do_is_refused(failed, changes):
    with pytest.raises(InvalidInput):
        begin(**changes)


# --- at most once ---------------------------------------------------------------------------------------------
def test_a_second_click_begins_nothing_new(failed):
    first = begin()
    assert bulk_begin(RETRY_ALL, operation_id=first.pk).pk == first.pk
    take_turn(seconds=5)
    assert bulk_begin(RETRY_ALL, operation_id=first.pk).pk == first.pk
    assert BulkOperation.objects.count() == 1


def test_after_a_crash_between_the_moves_and_the_note_nothing_is_moved_twice(failed, monkeypatch):
    operation = begin()

    def die(*_: Any) -> None:
        raise OperationalError("the process is gone")

    with monkeypatch.context() as patch:
        patch.setattr(turn, "_note", die)
        with pytest.raises(OperationalError):
            take_turn(seconds=5)
    # the first two were moved; one of them has failed again before anybody looked
    again = failed[0]
    assert retried_times(again) == 1
    Context.objects.filter(pk=again.pk).update(status=Status.FAILED)
    turned(operation)
    assert (operation.state, operation.done, operation.skipped) == (BulkState.DONE, 4, 0)
    assert [retried_times(context) for context in failed] == [1] * 5


def test_what_a_crash_left_moved_counts_where_it_is_seen_again(failed):
    operation = begin()
    chunk.chunk_move(operation, [failed[0].pk])
    came = chunk.chunk_move(operation, [failed[0].pk, failed[1].pk])
    assert sorted(came.done) == [failed[0].pk, failed[1].pk]
    assert retried_times(failed[0]) == 1


def test_twins_that_work_at_the_same_chunk_count_it_once(failed):
    operation = begin()
    twin = BulkOperation.objects.get(pk=operation.pk)
    assert turn.work_at(operation) == 2
    came = chunk.chunk_move(twin, [failed[0].pk, failed[1].pk])
    turn._note(twin, failed[1].pk, came)
    operation.refresh_from_db()
    assert (operation.done, operation.cursor) == (2, failed[1].pk)


def test_another_operation_may_retry_the_same_again(failed):
    turned(begin())
    Context.objects.update(status=Status.FAILED)
    assert turned(begin()).done == 5
    assert retried_times(failed[0]) == 2


def test_what_has_moved_since_it_was_chosen_is_left_alone_and_said(failed, monkeypatch):
    operation = begin()
    read = chunk.read_rows

    def meanwhile(ids: list[str]) -> list[chunk.Row]:
        rows = read(ids)
        Context.objects.filter(pk=failed[0].pk, status=Status.FAILED).update(status=Status.COMPLETED)
        return rows

    monkeypatch.setattr(chunk, "read_rows", meanwhile)
    turned(operation)
    assert (operation.done, operation.skipped, operation.reasons) == (4, 1, {"it is completed": 1})


def test_a_database_that_goes_away_breaks_nothing_off_for_good(failed, monkeypatch):
    operation = begin(from_step="start")

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("away")

    with monkeypatch.context() as patch:
        patch.setattr(chunk, "context_retry", away)
        with pytest.raises(OperationalError):
            take_turn(seconds=5)
    assert turned(operation).done == 5


def test_a_row_that_breaks_the_code_harms_no_other(failed):
    Context.objects.filter(pk=failed[2].pk).update(processing=[])
    operation = turned(begin(from_step="start"))
    assert (operation.done, operation.failed) == (4, 1)
    assert operation.examples[0]["reason"] == "it broke with AttributeError"


# --- a trial --------------------------------------------------------------------------------------------------
def settle(operation: BulkOperation, *ends: Status) -> None:
    for context_id, status in zip(operation.trial_ids, ends, strict=True):
        Context.objects.filter(pk=context_id).update(status=status)


def test_a_trial_waits_for_its_outcome_and_asks(failed):
    operation = turned(begin(trial=3))
    assert (operation.state, operation.done, len(operation.trial_ids)) == (BulkState.WATCHING, 3, 3)
    assert operation.trial_ids == [context.pk for context in failed[:3]]
    settle(operation, Status.COMPLETED, Status.COMPLETED, Status.FAILED)
    assert turned(operation).state == BulkState.ASKING
    assert turned(operation).done == 3
    bulk_go_on(operation)
    assert turned(operation).state == BulkState.DONE
    assert operation.done == 5


@pytest.mark.parametrize(("most", "state"), [(33, BulkState.STOPPED), (34, BulkState.RUNNING)])
def test_a_trial_of_which_too_many_fail_stops_it(failed, most, state):
    operation = turned(begin(trial=3, asks=False, most_failed_percent=most))
    settle(operation, Status.COMPLETED, Status.COMPLETED, Status.FAILED)
    turn.work_at(operation)
    operation.refresh_from_db()
    assert operation.state == state
    assert bool(operation.stopped_because) == (state == BulkState.STOPPED)


def test_a_trial_larger_than_what_there_is_ends_with_it(failed):
    operation = turned(begin(trial=50))
    assert (operation.state, operation.done) == (BulkState.DONE, 5)


def test_a_trial_that_was_cut_off_at_its_end_goes_on(failed):
    operation = begin(trial=2)
    turn.work_at(operation)
    operation.refresh_from_db()
    assert (operation.state, operation.done) == (BulkState.TRYING, 2)
    assert turned(operation).state == BulkState.WATCHING


def test_a_trial_passes_over_what_cannot_be_moved(failed, organization):
    for context in failed[:2]:
        Context.objects.filter(pk=context.pk).update(processing={})
    operation = turned(begin(trial=2, from_step="ai_generator"))
    assert (operation.state, operation.skipped) == (BulkState.WATCHING, 2)
    assert operation.trial_ids == [context.pk for context in failed[2:4]]


# --- stop and go on -------------------------------------------------------------------------------------------
def test_a_person_stops_it(failed):
    operation = begin()
    turn.work_at(operation)
    bulk_stop(operation, "Ada stopped it")
    assert turned(operation).done == 2
    assert (operation.state, operation.stopped_because) == (BulkState.STOPPED, "Ada stopped it")
    assert operation.ended_at is not None
    for move in (bulk_go_on, lambda found: bulk_stop(found, "again")):
        with pytest.raises(Conflict):
            move(operation)


def test_another_organizations_operation_is_not_there(failed, organization):
    operation = begin(organization_id=organization.pk, selection=Selection(organization_id=organization.pk))
    assert bulk_get(operation.pk, organization.pk).pk == operation.pk
    with pytest.raises(NotFound):
        bulk_get(operation.pk, "org_other")


# --- who works at it ------------------------------------------------------------------------------------------
@pytest.mark.sqlite("asks for django-q2's rows, which are elsewhere with Redis")
def test_a_beginning_rings_and_so_does_the_sweep_where_the_ring_was_lost(failed):
    begin()
    assert OrmQ.objects.filter(key="chores").count() == 1
    OrmQ.objects.all().delete()
    sweep()
    assert OrmQ.objects.filter(key="chores").count() == 1


def test_old_ones_are_removed_once_they_have_ended(failed):
    ended, at_work, young = begin(), begin(), begin()
    old = {"ended": "bulk_old_a", "at_work": "bulk_old_b"}
    moment = clock.now() - 2 * KEPT
    for name, operation in (("ended", ended), ("at_work", at_work)):
        state = BulkState.DONE if name == "ended" else BulkState.RUNNING
        old[name] = f"{first_id_at('bulk', moment)[:-1]}{name[0].upper()}"
        BulkOperation.objects.filter(pk=operation.pk).delete()
        operation.pk, operation.state = old[name], state
        operation.save(force_insert=True)
    operations_prune()
    assert set(BulkOperation.objects.values_list("pk", flat=True)) == {old["at_work"], young.pk}


@pytest.mark.parametrize(
    ("selection", "action", "index"),
    [
        (Selection(organization_id="org_test"), BulkAction.RETRY, "contexts_org_status"),
        (Selection(), BulkAction.RETRY, "contexts_status"),
        (Selection(organization_id="org_test", type="a"), BulkAction.RETRY, "contexts_org_status"),
        (Selection(batch_id="batch_a"), BulkAction.RETRY, "contexts_batch_list"),
        (Selection(batch_id="batch_a"), BulkAction.CANCEL, "contexts_batch_list"),
        (Selection(organization_id="org_test"), BulkAction.CANCEL, "contexts_organization"),
        (Selection(), BulkAction.CANCEL, PRIMARY_KEY),
    ],
    ids=["retry-own", "retry-all", "retry-type", "retry-batch", "cancel-batch", "cancel-own", "cancel-all"],
)
def test_each_chunk_is_read_along_an_index(failed, selection, action, index):
    operation = BulkOperation(
        action=action, selection=selection.stored(), cursor=failed[0].pk, until=failed[-1].pk, state=BulkState.RUNNING
    )
    assert_reads_an_index(plans_of(lambda: turn._next(operation), "contexts"), index)


def test_counts_are_bounded_and_said_in_words():
    assert [count_text(number) for number in (0, 1, 10_000, 10_001)] == [
        "0 contexts",
        "1 context",
        "10,000 contexts",
        "more than 10,000 contexts",
    ]


def test_a_context_that_was_cancelled_by_it_is_not_cancelled_again(organization):
    open_one = make_context(organization)
    turned(begin(CANCEL_ALL))
    with pytest.raises(Conflict):
        context_cancel(open_one.pk, organization_id=None)
