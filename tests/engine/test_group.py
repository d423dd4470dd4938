"""Group commits: what they must do alike on both databases."""

import pytest

from base import clock
from contexts.engine import claims
from contexts.engine.group import write_group
from contexts.engine.job import Job, Transcript, Write
from contexts.models import AssetUse, Context, StepTranscript
from contexts.services import context_cancel
from contexts.states import Move, Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(make_context) -> Job:
    make_context()
    (claimed,) = claims.claim(claims.worker_register(), running=[], most=1)
    return claimed


def checkpoint(job: Job, **values: object) -> Write:
    return Write(job.id, job.lease, Move.CHECKPOINT, dict(values))


def test_values_of_every_kind_come_back_as_they_were(job):
    now = clock.now()
    data = {
        "text": 'é\u2028漢 \\ " \n',
        "number": 2**63 - 1,
        "float": 0.1,
        "none": None,
        "list": [1, [True, {}]],
        "": "",
        "$set": {"a.b": {"$id": 1}},
    }
    assert write_group([checkpoint(job, data=data, step_runs=[{"key": "a"}], error=None, updated_at=now)]) == [True]
    row = Context.objects.get(pk=job.id)
    assert (row.data, row.step_runs, row.error, row.updated_at) == (data, [{"key": "a"}], None, now)
    assert (row.status, row.lease_token, row.revision) == (Status.PROCESSING, job.lease.token, 3)


def test_stored_json_can_be_queried(job):
    write_group([checkpoint(job, data={"title": "Über"}, error={"type": "timed_out"})])
    assert Context.objects.filter(data__title="Über", error__type="timed_out").exists()


def test_an_error_is_written_beside_the_columns_that_lists_filter_by(job):
    write_group([checkpoint(job, error={"component": "media#2", "type": "timed_out"})])
    row = Context.objects.get(pk=job.id)
    assert (row.error, row.error_type, row.error_component) == (
        {"component": "media#2", "type": "timed_out"},
        "timed_out",
        "media#2",
    )
    write_group([Write(job.id, job.lease, Move.COMPLETE, {"error": None})])
    row.refresh_from_db()
    assert (row.error, row.error_type, row.error_component) == (None, None, None)


def test_end_takes_the_lease_away(job):
    now = clock.now()
    assert write_group([Write(job.id, job.lease, Move.COMPLETE, {"ended_at": now})]) == [True]
    row = Context.objects.get(pk=job.id)
    assert (row.status, row.lease_token, row.ended_at) == (Status.COMPLETED, "", now)
    assert write_group([Write(job.id, job.lease, Move.COMPLETE, {"ended_at": now})]) == [False]


def test_each_write_of_a_group_answers_for_itself(make_context):
    made = [make_context() for _ in range(3)]
    jobs = {job.id: job for job in claims.claim(claims.worker_register(), running=[], most=3)}
    context_cancel(made[1].pk, organization_id=None)
    found = write_group([checkpoint(jobs[row.pk], data={"n": index}) for index, row in enumerate(made)])
    assert found == [True, False, True]
    assert Context.objects.get(pk=made[1].pk).status == Status.CANCELLED


def test_transcript_that_is_there_already_is_left_alone(job):
    text = Transcript(f"{job.id}:1:ai_generator", job.id, "prompt", "output")
    write = Write(job.id, job.lease, Move.CHECKPOINT, {"data": {}}, (text,))
    assert write_group([write]) == write_group([write]) == [True]
    assert StepTranscript.objects.get().output == "output"


def test_the_end_of_a_context_notes_which_images_it_shows_and_a_checkpoint_does_not(job):
    media = [{"id": "media_1"}, {"id": "media_2"}, {"id": "media_1"}, {"id": 3}, {"url": "/x"}, {"id": "no:id"}, "text"]
    write_group([checkpoint(job, data={"media": media})])
    assert not AssetUse.objects.exists()
    end = Write(job.id, job.lease, Move.COMPLETE, {"data": {"media": media}}, organization_id=job.organization_id)
    assert write_group([end]) == [True]
    assert write_group([end]) == [False]  # as after an answer that got lost
    stored = sorted(AssetUse.objects.values_list("pk", "organization_id"))
    assert stored == [(f"media_{n}:{job.id}", job.organization_id) for n in (1, 2)]


@pytest.mark.parametrize("media", [None, "text", {"id": "media_1"}, [], 3])
def test_media_of_another_shape_end_a_context_all_the_same(job, media):
    assert write_group([Write(job.id, job.lease, Move.COMPLETE, {"data": {"media": media}})]) == [True]
    assert not AssetUse.objects.exists()


def test_group_of_which_the_beginning_was_written_is_repeated_as_a_whole(make_context):
    """As after an answer that got lost: MongoDB takes nothing back."""
    for _ in range(2):
        make_context()
    ended, going_on = claims.claim(claims.worker_register(), running=[], most=2)
    text = Transcript(f"{going_on.id}:1:ai_generator", going_on.id, "prompt", "output")
    group = [
        Write(ended.id, ended.lease, Move.COMPLETE, {"data": {"n": 1}}),
        Write(going_on.id, going_on.lease, Move.CHECKPOINT, {"data": {"n": 2}}, (text,)),
    ]
    write_group(group[:1])
    assert write_group(group) == [False, True], "who ended needs no answer, who goes on needs the right one"
    stored = {row.pk: (row.status, row.data) for row in Context.objects.all()}
    assert stored == {ended.id: (Status.COMPLETED, {"n": 1}), going_on.id: (Status.PROCESSING, {"n": 2})}
    assert StepTranscript.objects.count() == 1


def test_two_writes_of_one_context_keep_their_order(job):
    """Parallel steps checkpoint at the same time, and the last of them ends the context."""
    first = checkpoint(job, data={"a": 1})
    assert write_group([first, checkpoint(job, data={"a": 1, "b": 2})]) == [True, True]
    assert write_group([first, Write(job.id, job.lease, Move.COMPLETE, {"data": {"a": 1, "b": 3}})]) == [True, True]
    row = Context.objects.get(pk=job.id)
    assert (row.status, row.data, row.revision) == (Status.COMPLETED, {"a": 1, "b": 3}, 6)


def test_writes_of_many_kinds_go_together(make_context):
    made = [make_context() for _ in range(120)]
    jobs: list[Job] = []
    token = claims.worker_register()
    while claimed := claims.claim(token, running=[0] * len(jobs), most=200):
        jobs += claimed
    moves = (Move.CHECKPOINT, Move.COMPLETE, Move.FAIL)
    writes = [Write(job.id, job.lease, moves[index % 3], {"data": {"n": index}}) for index, job in enumerate(jobs)]
    assert write_group(writes) == [True] * len(made)
    stored = {row.pk: (row.status, row.data["n"], row.revision) for row in Context.objects.all()}
    statuses = (Status.PROCESSING, Status.COMPLETED, Status.FAILED)
    assert stored == {job.id: (statuses[index % 3], index, 3) for index, job in enumerate(jobs)}
