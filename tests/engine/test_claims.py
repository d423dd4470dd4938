"""Leases: claimed once, ended or handed back, worth nothing when their worker is dead."""

from datetime import timedelta

import pytest

from base import clock
from contexts.engine import claims
from contexts.engine.claim_rows import take
from contexts.engine.group import write_group
from contexts.engine.job import Lease, Transcript, Write
from contexts.engine.reaper import worker_bury
from contexts.models import Context, StepTranscript, Worker, WorkerState
from contexts.services import context_cancel
from contexts.states import Move, Status

pytestmark = pytest.mark.django_db


def write(context_id: str, token: str, attempt: int, move: Move = Move.CHECKPOINT, **values: object) -> Write:
    return Write(context_id, Lease(token, attempt), move, dict(values))


def test_context_is_claimed_once(make_context):
    make_context()
    first, second = claims.worker_register(), claims.worker_register()
    assert len(claims.claim(first, running=[], most=10)) == 1
    assert claims.claim(second, running=[], most=10) == []


def test_claim_names_the_attempt_and_the_pick_up_time(make_context):
    context = make_context()
    token = claims.worker_register()
    (job,) = claims.claim(token, running=[], most=10)
    context.refresh_from_db()
    assert (context.status, context.lease_token, context.attempts) == (Status.PROCESSING, token, 1)
    assert job.lease == Lease(token, 1)
    assert context.started_at == job.started_at
    assert context.revision == 2


def test_claims_follow_the_order(make_context):
    made = {order: make_context(claim_order=order) for order in (3, 1, 2)}
    jobs = claims.claim(claims.worker_register(), running=[], most=10)
    assert [job.id for job in jobs] == [made[order].pk for order in (1, 2, 3)]


def test_due_retries_and_pending_contexts_are_claimed_by_turns(make_context):
    for place in range(claims.CLAIM_AT_ONCE + 20):
        make_context(claim_order=1000 + place, status=Status.RETRYING)
    single = make_context(claim_order=5000)
    jobs = claims.claim(claims.worker_register(), running=[], most=10)
    assert [job.id for job in jobs].index(single.pk) == 1, "thousands of due retries keep nobody waiting"
    assert len(jobs) == 10


def test_retry_that_is_not_due_waits(make_context):
    due = make_context(status=Status.RETRYING)
    make_context(status=Status.RETRYING, next_retry_at=clock.now() + timedelta(seconds=5))
    jobs = claims.claim(claims.worker_register(), running=[], most=10)
    assert [job.id for job in jobs] == [due.pk]


def test_held_contexts_are_not_claimed(make_context):
    make_context(status=Status.HELD)
    assert claims.claim(claims.worker_register(), running=[], most=10) == []


def test_checkpoint_needs_the_lease_and_the_attempt(make_context):
    context = make_context()
    token = claims.worker_register()
    claims.claim(token, running=[], most=10)
    found = write_group(
        [
            write(context.pk, token, 1, data={"mine": 1}),
            write(context.pk, "wrk_other", 1, data={"other": 1}),
            write(context.pk, token, 2, data={"later": 1}),
        ]
    )
    assert found == [True, False, False]
    context.refresh_from_db()
    assert context.data == {"mine": 1}


def test_end_releases_the_lease(make_context):
    context = make_context()
    token = claims.worker_register()
    claims.claim(token, running=[], most=10)
    assert write_group([write(context.pk, token, 1, Move.COMPLETE)]) == [True]
    assert write_group([write(context.pk, token, 1, Move.COMPLETE)]) == [False]
    context.refresh_from_db()
    assert (context.status, context.lease_token) == (Status.COMPLETED, "")


def test_hand_back_burns_neither_a_retry_nor_a_loss(make_context):
    context = make_context()
    token = claims.worker_register()
    claims.claim(token, running=[], most=10)
    claims.worker_stop(token)
    context.refresh_from_db()
    assert (context.status, context.retry_count, context.worker_losses) == (Status.RETRYING, 0, 0)
    assert context.next_retry_at is not None
    assert context.next_retry_at <= clock.now()
    assert Worker.objects.get(pk=token).state == WorkerState.STOPPED


def test_cancel_takes_the_lease_away(make_context):
    context = make_context()
    token = claims.worker_register()
    claims.claim(token, running=[], most=10)
    context_cancel(context.pk, organization_id=None)
    assert claims.leases_held(token) == {}
    assert write_group([write(context.pk, token, 1)]) == [False]


def test_repeating_a_group_changes_nothing(make_context):
    context = make_context()
    token = claims.worker_register()
    claims.claim(token, running=[], most=10)
    transcript = Transcript(f"{context.pk}:1:a", context.pk, "prompt", "output")
    group = [Write(context.pk, Lease(token, 1), Move.CHECKPOINT, {"data": {"a": 1}}, (transcript,))]
    assert write_group(group) == write_group(group) == [True]
    assert StepTranscript.objects.count() == 1


def test_worker_that_was_declared_dead_claims_nothing_more(make_context):
    """As after SIGSTOP for longer than a lease: it looks once more before its heartbeat tells it."""
    context = make_context()
    token = claims.worker_register()
    worker_bury(token)
    with pytest.raises(claims.WorkerGone):
        claims.claim(token, running=[], most=10)
    context.refresh_from_db()
    assert (context.status, context.lease_token, context.worker_losses) == (Status.PENDING, "", 0)


def test_worker_that_is_declared_dead_while_it_claims_gives_back_at_its_next_look(make_context, monkeypatch):
    context = make_context()
    token = claims.worker_register()

    def stands_still(*line):
        worker_bury(token)
        return take(*line)

    monkeypatch.setattr(claims, "take", stands_still)
    assert len(claims.claim(token, running=[], most=10)) == 1
    with pytest.raises(claims.WorkerGone):
        claims.claim(token, running=[0], most=10)
    context.refresh_from_db()
    assert (context.status, context.lease_token, context.worker_losses) == (Status.RETRYING, "", 0)


@pytest.mark.parametrize("state", [WorkerState.STOPPED, WorkerState.BURIED, None])
def test_context_of_a_worker_that_is_no_more_is_freed(make_context, state):
    """As after a worker that died between a claim and the look whether it still was alive."""
    context = make_context()
    kept = make_context()
    gone, alive = claims.worker_register(), claims.worker_register()
    claims.claim(gone, running=[], most=1)
    claims.claim(alive, running=[], most=1)
    if state is None:
        Worker.objects.filter(pk=gone).delete()
    else:
        Worker.objects.filter(pk=gone).update(state=state)
    assert claims.free_orphans() == 1
    context.refresh_from_db()
    kept.refresh_from_db()
    assert (context.status, context.lease_token) == (Status.RETRYING, "")
    assert (kept.status, kept.lease_token) == (Status.PROCESSING, alive)


def test_what_a_worker_holds_without_knowing_it_is_given_back(make_context):
    """As after a claim whose answer never came back from the database."""
    make_context()
    token = claims.worker_register()
    (job,) = claims.claim(token, running=[], most=10)
    claims.give_back(token, {job.id: job.lease.attempt})
    context = Context.objects.get()
    assert (context.status, context.lease_token, context.retry_count) == (Status.RETRYING, "", 0)


def test_only_one_of_the_workers_makes_room_for_a_suspect(make_context):
    for _ in range(4):
        make_context()
    older, newest = claims.worker_register(), claims.worker_register()
    claims.claim(older, running=[], most=2)
    claims.claim(newest, running=[], most=2)
    suspect = make_context(status=Status.RETRYING, worker_losses=3)
    harmless = make_context()
    assert claims.claim(newest, running=[0, 0], most=10) == [], "it claims nothing until it is empty"
    (job,) = claims.claim(older, running=[0, 0], most=10)
    assert job.id == harmless.pk
    (job,) = claims.claim(newest, running=[], most=10)
    assert job.id == suspect.pk
