"""Any order of claims, writes, deaths and wishes keeps the promises: one owner, no illegal move, nothing lost."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from base import clock
from base.problems import Conflict
from contexts.claim_order import claim_order
from contexts.engine import claims
from contexts.engine.group import write_group
from contexts.engine.job import Job, Write
from contexts.engine.reaper import worker_bury
from contexts.models import Context, Worker, WorkerState
from contexts.move_log import first_entry
from contexts.services import context_cancel, context_retry
from contexts.states import ENDED, MOVES, OPEN, Move, Status
from tests.contexts.rows import just_now
from tests.engine.conftest import milliseconds
from tests.engine.watching import Watch
from users.models import Organization

STEPS = ["template", "ai_generator", "transformer"]
MOST = 512
# What one rule may do at once; a claim by a worker that was declared dead is given back in the same breath.
LEGAL = {(source.value, to.value) for sources, to in MOVES.values() for source in sources} | {
    (Status.PENDING.value, Status.RETRYING.value),
}
picks = st.integers(min_value=0, max_value=5)  # small, so that the same few meet again


@dataclass(frozen=True)
class Seen:
    """A context as it was after the last rule."""

    status: str
    attempts: int
    revision: int
    completed: tuple[str, ...]


@dataclass
class Held:
    """A job that some worker believes to be its own."""

    job: Job
    completed: list[str] = field(default_factory=list)


class Interleavings(RuleBasedStateMachine):
    """Workers that know no better than they can, and people who wish what they like."""

    @initialize()
    def begin(self) -> None:
        Context.objects.all().delete()
        Worker.objects.all().delete()
        self.organization = Organization.objects.get_or_create(id="org_any", name="Any")[0]
        self.workers: list[str] = []
        self.held: list[Held] = []
        self.seen: dict[str, Seen] = {}
        self.retried: set[str] = set()
        self.watch = Watch()
        for _ in range(3):
            self.submit()

    @rule()
    def submit(self) -> None:
        now = clock.now()
        Context.objects.create(
            organization=self.organization,
            type="article",
            pipeline=STEPS,
            claim_order=claim_order(milliseconds(now), 50),
            moves=[first_entry(now)],
        )

    @rule()
    def start_worker(self) -> None:
        self.workers.append(claims.worker_register())

    @rule(pick=picks, most=st.integers(min_value=1, max_value=4))
    def claim(self, pick: int, most: int) -> None:
        token = self.live_worker(pick)
        self.claim_as(token, most, is_live=True)

    @precondition(lambda self: self.workers)
    @rule(pick=picks)
    def claim_whatever_happened(self, pick: int) -> None:
        token = self.workers[pick % len(self.workers)]
        self.claim_as(token, 4, is_live=Worker.objects.filter(pk=token, state=WorkerState.LIVE).exists())

    def live_worker(self, pick: int) -> str:
        live = list(Worker.objects.filter(state=WorkerState.LIVE).values_list("pk", flat=True))
        if not live:
            self.start_worker()
            return self.workers[-1]
        return str(live[pick % len(live)])

    def claim_as(self, token: str, most: int, *, is_live: bool) -> None:
        mine = [held.job.worker_losses for held in self.held if held.job.lease.token == token]
        try:
            jobs = claims.claim(token, running=mine, most=len(mine) + most)
        except claims.WorkerGone:
            assert not is_live
            return
        assert is_live or not jobs
        self.held += [Held(job, list(job.processing.get("completed_components", []))) for job in jobs]

    @precondition(lambda self: self.workers)
    @rule(pick=picks)
    def renew(self, pick: int) -> None:
        claims.worker_renew(self.workers[pick % len(self.workers)], in_flight=1)

    @precondition(lambda self: self.workers)
    @rule(pick=picks)
    def crash(self, pick: int) -> None:
        """It is heard of no more; only whoever watches can tell."""
        token = self.workers.pop(pick % len(self.workers))
        self.held = [held for held in self.held if held.job.lease.token != token]

    @precondition(lambda self: self.workers)
    @rule(pick=picks)
    def lose_the_process(self, pick: int) -> None:
        """Its keeper sees that it is gone; what it had on its way to the database may still arrive."""
        worker_bury(self.workers[pick % len(self.workers)])

    @precondition(lambda self: self.workers)
    @rule(pick=picks)
    def reaper_dies_halfway(self, pick: int) -> None:
        token = self.workers[pick % len(self.workers)]
        Worker.objects.filter(pk=token, state=WorkerState.LIVE).update(state=WorkerState.DEAD)

    @rule(seconds=st.sampled_from([1, 5, 10]))
    def watch_the_workers(self, seconds: int) -> None:
        """Who has not beaten for a lease is dead from here on, and may not know."""
        self.watch.look(after_seconds=seconds)

    @rule()
    def time_passes_for_suspects(self) -> None:
        Context.objects.filter(status=Status.RETRYING).update(next_retry_at=just_now())

    @rule()
    def sweep(self) -> None:
        assert claims.free_orphans() == 0, "a claim leaves none behind, where it is not cut off"

    @precondition(lambda self: self.workers)
    @rule(pick=picks)
    def hand_back(self, pick: int) -> None:
        token = self.workers[pick % len(self.workers)]
        claims.worker_stop(token)

    @precondition(lambda self: self.held)
    @rule(pick=picks)
    def checkpoint(self, pick: int) -> None:
        held = self.held[pick % len(self.held)]
        if len(held.completed) >= len(STEPS) - 1:
            return
        held.completed.append(STEPS[len(held.completed)])
        self.write(held, Move.CHECKPOINT, {"processing": self.processing_of(held)})

    @precondition(lambda self: self.held)
    @rule(pick=picks, move=st.sampled_from([Move.COMPLETE, Move.FAIL, Move.RETRY_LATER]), is_repeated=st.booleans())
    def end(self, pick: int, move: Move, is_repeated: bool) -> None:
        held = self.held[pick % len(self.held)]
        values: dict[str, Any] = {}
        if move is Move.RETRY_LATER:
            values = {"next_retry_at": clock.now()}
        self.write(held, move, values)
        if not is_repeated:  # else the worker will write again, as after an answer that got lost
            self.held.remove(held)

    @precondition(lambda self: self.held)
    @rule(pick=picks)
    def retry_later_by_the_same_worker(self, pick: int) -> None:
        """The token stays the same; only the number of the attempt tells the late job from the present one."""
        held = self.held[pick % len(self.held)]
        token = held.job.lease.token
        self.write(held, Move.RETRY_LATER, {"next_retry_at": clock.now()})
        self.claim_as(token, 4, is_live=Worker.objects.filter(pk=token, state=WorkerState.LIVE).exists())

    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        context = self.pick_context(pick)
        try:
            context_cancel(context.pk, organization_id=None)
        except Conflict:
            assert context.status in ENDED
        else:
            assert context.status in OPEN

    @rule(pick=picks, from_start=st.booleans())
    def retry(self, pick: int, from_start: bool) -> None:
        context = self.pick_context(pick)
        try:
            context_retry(context.pk, organization_id=None, from_step="start" if from_start else "failed")
        except Conflict:
            assert context.status != Status.FAILED
        else:
            assert context.status == Status.FAILED
            self.retried.add(context.pk)

    def pick_context(self, pick: int) -> Context:
        rows = list(Context.objects.all())
        return rows[pick % len(rows)]

    def processing_of(self, held: Held) -> dict[str, Any]:
        return {
            "current_component": held.completed[-1],
            "completed_components": list(held.completed),
            "start_time": "2026-01-01T00:00:00Z",
            "component_timings": {},
        }

    def write(self, held: Held, move: Move, values: dict[str, Any]) -> None:
        """Write like a worker that may be late: it matches only for the one owner there is."""
        row = Context.objects.get(pk=held.job.id)
        lease = held.job.lease
        is_owner = (row.status, row.lease_token, row.attempts) == (Status.PROCESSING, lease.token, lease.attempt)
        assert write_group([Write(row.pk, lease, move, values)]) == [is_owner]

    @invariant()
    def promises_are_kept(self) -> None:
        freeable = set(
            Worker.objects.filter(state__in=[WorkerState.LIVE, WorkerState.DEAD]).values_list("pk", flat=True)
        )
        for row in Context.objects.all():
            assert (row.lease_token != "") == (row.status == Status.PROCESSING), "a lease goes with the work"
            assert row.status != Status.PROCESSING or row.lease_token in freeable, "somebody can free it"
            assert row.status != Status.RETRYING or row.next_retry_at is not None, "it will be claimed"
            self.check_log(row)
            now = Seen(row.status, row.attempts, row.revision, tuple(row.processing.get("completed_components", [])))
            before, self.seen[row.pk] = self.seen.get(row.pk), now
            if before is not None and before != now:
                self.check_change(row.pk, before, now)
        self.retried.clear()

    def check_log(self, row: Context) -> None:
        revisions = [entry["revision"] for entry in row.moves]
        assert revisions == sorted(set(revisions)), "moves are logged in order, each once"
        assert revisions[-1] <= row.revision
        assert (row.moves[-1]["status"], row.moves[-1]["attempt"]) == (row.status, row.attempts)

    def check_change(self, pk: str, before: Seen, now: Seen) -> None:
        assert before.status == now.status or (before.status, now.status) in LEGAL
        assert now.revision > before.revision, "every visible change counts"
        assert now.attempts >= before.attempts
        if pk not in self.retried:
            assert now.completed[: len(before.completed)] == before.completed, "finished steps stay finished"

    def teardown(self) -> None:
        """Whatever happened, healthy workers bring every open context to its end."""
        if not hasattr(self, "workers"):
            return
        self.watch.wait_for_a_lease()
        token = claims.worker_register()
        while Context.objects.filter(status__in=OPEN).exists():
            Context.objects.filter(status=Status.RETRYING).update(next_retry_at=just_now())
            jobs = claims.claim(token, running=[], most=MOST)
            assert jobs, "an open context that nobody can claim is lost"
            for job in jobs:
                assert write_group([Write(job.id, job.lease, Move.COMPLETE, {})]) == [True]


@pytest.mark.django_db
def test_any_interleaving_keeps_the_promises():
    run_state_machine_as_test(
        Interleavings,
        settings=settings(
            max_examples=100,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
