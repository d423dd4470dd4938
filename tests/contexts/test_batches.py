"""Bulk submissions without transactions: whatever is interrupted is finished or removed."""

from datetime import timedelta
from typing import Any

import pytest

from base import clock
from base.locks import one_at_a_time
from base.problems import Busy, Conflict, InvalidInput, NotFound
from contexts import batches
from contexts.batches import batch_cancel, batch_retry_failed, batch_submit, batches_repair, context_id_in
from contexts.models import Batch, BatchState, Context
from contexts.selectors import batch_progress, batches_progress
from contexts.states import Status
from contexts.submission import Submitter
from contexts.sweep import sweep
from tests.contexts.rows import make_context

ORGANIZATION = "org_test"
ITEM = {"type": "article", "pipeline": ["template"]}
LONG_AGO = timedelta(minutes=6)


class Crash(BaseException):
    """The process dies here."""


def submit(count=5, **more):
    return batch_submit([ITEM] * count, submitter=Submitter(ORGANIZATION), batch_id="batch_1", **more)


def crash_at(monkeypatch, name):
    def broken(*args: object, **kwargs: object) -> None:
        raise Crash

    monkeypatch.setattr(batches, name, broken)
    with pytest.raises(Crash):
        submit()
    monkeypatch.undo()


def statuses():
    return set(Context.objects.values_list("status", flat=True))


def make_old():
    Batch.objects.update(created_at=clock.now() - LONG_AGO)
    Context.objects.update(created_at=clock.now() - LONG_AGO)


def test_all_are_stored_and_claimable(organization):
    batch, accepted = submit(1203)
    assert accepted
    assert (batch.state, batch.total) == (BatchState.ACCEPTED, 1203)
    assert Context.objects.filter(batch_id=batch.pk, status=Status.PENDING).count() == 1203


def test_ids_and_claim_order_follow_the_submitted_order(organization):
    batch_submit([{**ITEM, "data": {"n": n}} for n in range(300)], submitter=Submitter(ORGANIZATION))
    assert [row.data["n"] for row in Context.objects.order_by("pk")] == list(range(300))
    assert [row.data["n"] for row in Context.objects.order_by("claim_order")] == list(range(300))


def test_ids_are_the_same_every_time_and_differ_between_batches():
    moment = clock.now()
    assert context_id_in("batch_1", moment, 7) == context_id_in("batch_1", moment, 7)
    made = {context_id_in(name, moment, place) for name in ("batch_1", "batch_2") for place in range(100)}
    assert len(made) == 200


def test_one_bad_item_and_nothing_is_stored(organization):
    with pytest.raises(InvalidInput) as caught:
        batch_submit([ITEM, {**ITEM, "type": 1}, ITEM], submitter=Submitter(ORGANIZATION))
    assert [fault.path for fault in caught.value.errors] == ["/contexts/1/type"]
    assert not Batch.objects.exists()
    assert not Context.objects.exists()


@pytest.mark.parametrize("point", ["_insert_missing", "_batch_accept", "batch_release"])
def test_a_crash_shows_nothing_before_the_commit_point_and_loses_nothing_after(organization, monkeypatch, point):
    crash_at(monkeypatch, point)
    assert statuses() <= {Status.HELD}
    assert Batch.objects.get().state == (BatchState.ACCEPTED if point == "batch_release" else BatchState.ACCEPTING)


@pytest.mark.parametrize("point", ["_batch_begin", "_insert_missing", "_batch_accept", "batch_release"])
def test_the_same_request_finishes_what_a_crash_left(organization, monkeypatch, point):
    crash_at(monkeypatch, point)
    batch, _ = submit()
    assert batch.state == BatchState.ACCEPTED
    assert Context.objects.filter(status=Status.PENDING).count() == 5


@pytest.mark.parametrize("point", ["_insert_missing", "_batch_accept"])
def test_the_sweep_removes_what_was_not_accepted(organization, monkeypatch, point):
    crash_at(monkeypatch, point)
    assert batches_repair() == 0
    assert Batch.objects.exists()
    make_old()
    assert batches_repair() == 1
    assert not Batch.objects.exists()
    assert not Context.objects.exists()
    assert batches_repair() == 0


def test_the_sweep_releases_what_was_accepted(organization, monkeypatch):
    crash_at(monkeypatch, "batch_release")
    assert batches_repair() == 1
    assert statuses() == {Status.PENDING}
    assert Context.objects.count() == 5
    assert batches_repair() == 0


def test_a_sweep_that_crashed_between_giving_up_and_removing_goes_on(organization, monkeypatch):
    crash_at(monkeypatch, "_batch_accept")
    Batch.objects.update(state=BatchState.ABANDONED)
    batches_repair()
    assert not Batch.objects.exists()
    assert not Context.objects.exists()


def test_a_slow_submission_that_was_given_up_cannot_pass_its_commit_point(organization, monkeypatch):
    accept = batches._batch_accept

    def late(batch: Batch) -> bool:
        make_old()
        batches_repair()
        return accept(batch)

    monkeypatch.setattr(batches, "_batch_accept", late)
    with pytest.raises(Conflict):
        submit()
    assert not Batch.objects.exists()
    assert not Context.objects.exists()


def test_a_given_up_batch_is_not_answered_as_accepted(organization):
    submit()
    Batch.objects.update(state=BatchState.ABANDONED)
    with pytest.raises(Conflict, match="send it again"):
        submit()


def test_held_rows_whose_batch_is_gone_are_removed(organization, monkeypatch):
    # MongoDB has no foreign keys: a slow submitter can add rows after its batch was removed
    crash_at(monkeypatch, "_batch_accept")
    Batch.objects.all()._raw_delete(using="default")  # without looking at who points to it
    assert batches_repair() == 0
    make_old()
    assert batches_repair() == 1
    assert not Context.objects.exists()


def test_a_twin_takes_the_moment_of_the_batch_that_is_there(organization, monkeypatch):
    begin = batches._batch_begin

    def beaten(batch_id: str, *args: Any) -> Batch:
        Batch.objects.create(
            id=batch_id, organization_id=ORGANIZATION, total=5, created_at=clock.now() - timedelta(seconds=3)
        )
        return begin(batch_id, *args)

    monkeypatch.setattr(batches, "_batch_begin", beaten)
    batch, _ = submit()
    expected = {context_id_in(batch.pk, batch.created_at, place) for place in range(5)}
    assert set(Context.objects.values_list("pk", flat=True)) == expected


def test_a_cancellation_ends_what_is_open(organization):
    submit()
    done = Context.objects.order_by("pk")[0]
    Context.objects.filter(pk=done.pk).update(status=Status.COMPLETED)
    batch = batch_cancel("batch_1", organization_id=ORGANIZATION)
    assert batch.state == BatchState.CANCELLED
    assert Context.objects.filter(status=Status.CANCELLED, revision=2).count() == 4
    with pytest.raises(Conflict):
        batch_cancel("batch_1", organization_id=ORGANIZATION)


def test_a_cancellation_reaches_what_a_crash_left_held(organization, monkeypatch):
    crash_at(monkeypatch, "batch_release")
    batch_cancel("batch_1", organization_id=ORGANIZATION)
    batches_repair()
    assert statuses() == {Status.CANCELLED}


def test_what_failed_goes_on_and_nothing_else(organization):
    submit()
    first, second, *_ = Context.objects.order_by("pk")
    Context.objects.filter(pk=first.pk).update(status=Status.FAILED, retry_count=3, error={"type": "x"})
    Context.objects.filter(pk=second.pk).update(status=Status.COMPLETED)
    _, count = batch_retry_failed("batch_1", organization_id=ORGANIZATION)
    assert count == 1
    first.refresh_from_db()
    assert (first.status, first.retry_count, first.error) == (Status.RETRYING, 0, None)
    second.refresh_from_db()
    assert second.status == Status.COMPLETED
    with pytest.raises(Conflict):
        batch_retry_failed("batch_1", organization_id=ORGANIZATION)


@pytest.mark.parametrize("wish", [batch_cancel, batch_retry_failed])
def test_another_organizations_batch_is_not_there(organization, wish):
    submit()
    with pytest.raises(NotFound):
        wish("batch_1", organization_id="org_other")


@pytest.mark.parametrize(
    ("found", "state", "expected"),
    [
        (["pending", "failed"], BatchState.ACCEPTED, "processing"),
        (["retrying"], BatchState.CANCELLED, "processing"),
        (["held"], BatchState.ACCEPTED, "processing"),
        (["completed", "cancelled"], BatchState.CANCELLED, "cancelled"),
        (["failed", "cancelled"], BatchState.CANCELLED, "cancelled"),
        (["failed", "completed"], BatchState.ACCEPTED, "completed_with_failures"),
        (["completed", "cancelled"], BatchState.ACCEPTED, "completed"),
    ],
)
def test_the_status_is_derived(organization, found, state, expected):
    batch = Batch.objects.create(organization=organization, state=state, total=len(found))
    for status in found:
        make_context(organization, Status(status), batch=batch)
    assert batch_progress(batch).status == expected


def test_the_rate_gives_the_estimated_end(organization):
    moment = clock.now()
    batch = Batch.objects.create(
        organization=organization, state=BatchState.ACCEPTED, total=4, created_at=moment - timedelta(minutes=2)
    )
    for status in (Status.COMPLETED, Status.FAILED, Status.PENDING, Status.PROCESSING):
        ended = moment if status in (Status.COMPLETED, Status.FAILED) else None
        make_context(organization, status, batch=batch, ended_at=ended)
    progress = batch_progress(batch)
    assert progress.progress == 0.5
    assert progress.rate_per_minute == pytest.approx(1, abs=0.1)
    assert progress.estimated_end is not None
    assert progress.estimated_end - moment == pytest.approx(timedelta(minutes=2), abs=timedelta(seconds=15))
    assert len(progress.failed_ids) == 1


def test_many_batches_cost_one_query(organization, django_assert_num_queries):
    made = [Batch.objects.create(organization=organization, state=BatchState.ACCEPTED) for _ in range(5)]
    with django_assert_num_queries(1):
        progress = batches_progress(made)
    assert set(progress) == {batch.pk for batch in made}


@pytest.mark.parametrize("move", [batch_cancel, batch_retry_failed])
def test_batch_that_somebody_else_moves_is_left_alone(organization, move):
    submit()
    with one_at_a_time("batch:batch_1", "busy"), pytest.raises(Busy, match="batch_1"):
        move("batch_1", organization_id=ORGANIZATION)
    assert statuses() == {Status.PENDING}


def test_one_sweep_at_a_time_is_enough(organization, monkeypatch):
    crash_at(monkeypatch, "_batch_accept")
    make_old()
    with one_at_a_time("sweep", "busy"):
        sweep()
    assert Context.objects.exists()
    sweep()
    assert not Context.objects.exists()
