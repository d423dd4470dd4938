"""Every move of a context is in its log: in order, each with the revision that it made."""

import pytest
from django.core.management import call_command

from base import clock
from contexts.batches import batch_cancel, batch_submit
from contexts.engine import claims
from contexts.engine.group import write_group
from contexts.engine.job import Write
from contexts.engine.reaper import worker_bury
from contexts.engine.run import run_drain
from contexts.models import Context
from contexts.move_log import MOVES_KEPT, first_entry, moved
from contexts.services import context_cancel, context_retry, context_submit
from contexts.states import Move, Status
from contexts.submission import ContextSubmission, Submitter

pytestmark = pytest.mark.django_db(transaction=True)

SUBMISSION = ContextSubmission(type="article", pipeline=["template"], data={"title": "A title"})


def log_of(context: Context) -> list[tuple[int, str, int]]:
    context.refresh_from_db()
    return [(entry["revision"], entry["status"], entry["attempt"]) for entry in context.moves]


def claimed(context: Context) -> tuple[str, Write]:
    """Claim it, and return the worker and how that ends the context."""
    token = claims.worker_register()
    (job,) = claims.claim(token, running=[], most=1)
    assert job.id == context.pk
    return token, Write(job.id, job.lease, Move.COMPLETE, {"step_runs": [{"key": "template"}]})


@pytest.fixture
def context(organization) -> Context:
    return context_submit(SUBMISSION, submitter=Submitter(organization.pk, None))[0]


def test_a_run_is_logged_from_its_submission_to_its_end(organization):
    call_command("loadsamples", verbosity=0)
    submission = ContextSubmission(type="article", data={"title": "A title", "keywords": ["one"]})
    context = context_submit(submission, submitter=Submitter(organization.pk, None))[0]
    assert run_drain(until_idle=True) == 1
    assert log_of(context) == [
        (1, "pending", 0),
        (2, "processing", 1),
        (3, "processing", 1),
        (4, "processing", 1),
        (5, "completed", 1),
    ]
    assert [entry.get("steps") for entry in context.moves] == [None, None, 1, 2, 3]
    assert context.revision == 5


def test_what_people_wish_is_logged(context):
    token, _ = claimed(context)
    assert claims.fail_broken(token, context.pk, 1, type="engine_error", message="It broke.")
    context_retry(context.pk, organization_id=None)
    context_cancel(context.pk, organization_id=None)
    assert [status for _, status, _ in log_of(context)] == ["pending", "processing", "failed", "retrying", "cancelled"]
    failed, retried = context.moves[2], context.moves[3]
    assert (failed["error"]["type"], failed["error"]["message"]) == ("engine_error", "It broke.")
    assert (failed["steps"], retried["reason"]) == (1, "somebody set it going again")


def test_a_worker_s_death_is_logged(context):
    token, _ = claimed(context)
    worker_bury(token)
    assert log_of(context) == [(1, "pending", 0), (2, "processing", 1), (3, "retrying", 1)]
    assert context.moves[-1]["reason"] == "its worker died"


def test_a_repeated_end_is_logged_once(context):
    _, end = claimed(context)
    assert (write_group([end]), write_group([end])) == ([True], [False])
    assert log_of(context) == [(1, "pending", 0), (2, "processing", 1), (3, "completed", 1)]


def test_a_batch_is_logged_context_by_context(organization):
    batch, _ = batch_submit([SUBMISSION, SUBMISSION], submitter=Submitter(organization.pk, None))
    batch_cancel(batch.pk, organization_id=None)
    for context in Context.objects.filter(batch_id=batch.pk):
        assert log_of(context) == [(1, "pending", 0), (2, "cancelled", 0)]


def test_a_full_log_sheds_what_is_oldest(context):
    full = [first_entry(clock.now()) | {"revision": number} for number in range(1, MOVES_KEPT + 1)]
    Context.objects.filter(pk=context.pk).update(moves=full, revision=MOVES_KEPT)
    for _ in range(3):
        Context.objects.filter(pk=context.pk).update(**moved(Move.HAND_BACK, clock.now()))
    log = log_of(context)
    assert len(log) <= MOVES_KEPT
    assert log[-1] == (MOVES_KEPT + 3, Status.RETRYING, 0)
    assert [revision for revision, _, _ in log] == list(range(log[0][0], MOVES_KEPT + 4))


def test_a_row_that_is_older_than_the_log_begins_one(context):
    Context.objects.filter(pk=context.pk).update(moves=[])
    claimed(context)
    assert log_of(context) == [(2, "processing", 1)]
