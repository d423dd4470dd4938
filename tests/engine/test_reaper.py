"""Dead workers are found by watching, and what they held is freed; whoever kills its workers is found in the end."""

from datetime import timedelta

import pytest
import time_machine

from base import clock
from contexts.engine import claims
from contexts.engine.admission import LOSSES_WHEN_ALONE, TRIES_ALONE
from contexts.engine.group import write_group
from contexts.engine.job import Lease, Write
from contexts.engine.reaper import worker_bury
from contexts.models import Context, Worker, WorkerState
from contexts.states import Move, Status
from tests.contexts.rows import just_now
from tests.engine.watching import LEASE_SECONDS, Watch

pytestmark = pytest.mark.django_db


def held_by_a_new_worker(make_context, **changes: object) -> tuple[Context, str]:
    context = make_context(**changes)
    token = claims.worker_register()
    claims.claim(token, running=[], most=10)
    return context, token


def test_dead_workers_contexts_are_freed_and_it_can_write_nothing_more(make_context):
    context, token = held_by_a_new_worker(make_context)
    assert Watch().wait_for_a_lease() == 1
    context.refresh_from_db()
    assert (context.status, context.worker_losses, context.retry_count) == (Status.RETRYING, 1, 0)
    assert not claims.worker_renew(token, in_flight=1)
    assert write_group([Write(context.pk, Lease(token, 1), Move.COMPLETE, {})]) == [False]
    assert Worker.objects.get(pk=token).state == WorkerState.BURIED


def test_worker_that_beats_lives_and_its_contexts_do_not_change(make_context):
    context, token = held_by_a_new_worker(make_context)
    before = Context.objects.get(pk=context.pk)
    watch = Watch()
    for _ in range(20):
        assert watch.look(after_seconds=5) == 0
        claims.worker_renew(token, in_flight=1)
    after = Context.objects.get(pk=context.pk)
    assert (after.updated_at, after.revision, after.status) == (before.updated_at, before.revision, Status.PROCESSING)


@pytest.mark.parametrize("minutes", [-5, 5])
def test_host_whose_clock_is_wrong_neither_loses_nor_keeps_a_lease(make_context, minutes):
    with time_machine.travel(clock.now() + timedelta(minutes=minutes), tick=False):
        context, token = held_by_a_new_worker(make_context)
        claims.worker_renew(token, in_flight=1)
    watch = Watch()
    watch.look()
    assert watch.look(after_seconds=LEASE_SECONDS / 2) == 0
    assert watch.look(after_seconds=LEASE_SECONDS / 2) == 1
    context.refresh_from_db()
    assert context.status == Status.RETRYING


def test_time_in_which_the_watcher_stood_still_is_not_the_workers_silence(make_context):
    """As after a machine was suspended, or the database was away: all of them come back together."""
    held_by_a_new_worker(make_context)
    watch = Watch()
    watch.look()
    assert watch.look(after_seconds=3600) == 0


def test_watcher_that_comes_late_does_not_bury_a_worker_that_has_beaten_meanwhile(make_context, monkeypatch):
    _, token = held_by_a_new_worker(make_context)
    watch = Watch()
    for _ in range(4):
        watch.look(after_seconds=5)
    declare = watch._reaper._declare_dead

    def late(worker: str) -> bool:
        claims.worker_renew(worker, in_flight=1)
        return declare(worker)

    monkeypatch.setattr(watch._reaper, "_declare_dead", late)
    assert watch.look(after_seconds=5) == 0
    assert Worker.objects.get(pk=token).state == WorkerState.LIVE


def test_reaper_that_died_halfway_is_followed_by_another(make_context):
    context, token = held_by_a_new_worker(make_context)
    Worker.objects.filter(pk=token).update(state=WorkerState.DEAD)
    Watch().look()
    context.refresh_from_db()
    assert context.status == Status.RETRYING
    assert Worker.objects.get(pk=token).state == WorkerState.BURIED


def test_context_is_tried_alone_five_times_before_it_is_blamed(make_context):
    context, token = held_by_a_new_worker(make_context)
    waits: list[float] = []
    while True:
        worker_bury(token)
        context.refresh_from_db()
        if context.status == Status.FAILED:
            break
        assert context.next_retry_at is not None
        waits.append((context.next_retry_at - context.updated_at).total_seconds())
        Context.objects.update(next_retry_at=just_now())
        token = claims.worker_register()
        (job,) = claims.claim(token, running=[], most=512)
        assert claims.claim(token, running=[job.worker_losses], most=512) == []
    assert waits == [0, 0, 5, 10, 20, 30, 30]
    assert context.error is not None
    assert (context.error["type"], context.error["component"]) == ("worker_lost", "template")
    assert (context.error_type, context.error_component) == ("worker_lost", "template")
    assert context.step_runs[-1]["error"]["type"] == "worker_lost"
    assert context.worker_losses == LOSSES_WHEN_ALONE + TRIES_ALONE - 1, "what it survived"


def test_suspect_says_in_plain_words_what_it_waits_for(make_context):
    context, token = held_by_a_new_worker(make_context, status=Status.RETRYING, worker_losses=3)
    worker_bury(token)
    context.refresh_from_db()
    assert context.waiting_for == "a worker of its own: its worker died 4 times"


def test_nobody_waits_for_a_suspect_that_waits_for_its_turn(make_context):
    _, token = held_by_a_new_worker(make_context, status=Status.RETRYING, worker_losses=3)
    worker_bury(token)
    others = [make_context(), make_context(status=Status.RETRYING, worker_losses=1)]
    jobs = claims.claim(claims.worker_register(), running=[], most=10)
    assert {job.id for job in jobs} == {other.pk for other in others}


def test_suspects_that_die_together_are_no_nearer_to_blame(make_context):
    token = claims.worker_register()
    for _ in range(3):
        make_context(status=Status.PROCESSING, lease_token=token, worker_losses=3)
    worker_bury(token)
    assert set(Context.objects.values_list("status", "worker_losses")) == {(Status.RETRYING, 3)}


def test_reaper_copes_with_a_pipeline_that_cannot_be_read(make_context):
    context, token = held_by_a_new_worker(
        make_context, status=Status.RETRYING, worker_losses=7, pipeline=[{"component": 7}]
    )
    worker_bury(token)
    context.refresh_from_db()
    assert context.error is not None
    assert context.error["type"] == "worker_lost"
