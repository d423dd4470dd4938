"""What is told of a batch: every change since the cursor, each once to one who stays."""

import json
import threading
import time
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.core.management import call_command
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory

from base import clock
from contexts.batches import batch_cancel, batch_retry_failed, batch_submit
from contexts.engine import claims
from contexts.engine.group import write_group
from contexts.engine.job import Write
from contexts.engine.run import run_drain
from contexts.live import batch_tail
from contexts.live.batch_stream import BatchStream, batch_stream
from contexts.live.batch_tail import BatchTail, Cursor
from contexts.live.events import BEGINNING
from contexts.live.watcher import watcher
from contexts.models import Batch, Context
from contexts.states import Move
from contexts.submission import ContextSubmission, Submitter
from tests.live.test_watcher import in_thread

pytestmark = pytest.mark.django_db(transaction=True)

CONTEXTS = 3
TAKES_SECONDS = 0.05


@pytest.fixture
def batch(organization) -> Batch:
    call_command("loadsamples", verbosity=0)
    item = ContextSubmission(type="article", data={"title": "A title", "keywords": ["one"]})
    return batch_submit([item] * CONTEXTS, submitter=Submitter(organization.pk, None))[0]


def events_in(part: bytes) -> list[tuple[str, str, dict[str, Any]]]:
    """The events as (kind, id, data)."""
    found = []
    for block in part.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields["event"], fields["id"], json.loads(fields["data"])))
    return found


def taken(tail: BatchTail) -> list[tuple[str, str, dict[str, Any]]]:
    """All that is to be told now."""
    found = events_in(tail.take())
    while tail.has_more:
        found += events_in(tail.take())
    return found


def changes(events: list[tuple[str, str, dict[str, Any]]]) -> list[tuple[str, int, str]]:
    return [
        (data["id"], data["revision"], data.get("step", {}).get("key", data["status"]))
        for kind, _, data in events
        if kind == "context"
    ]


def whole_runs(batch: Batch) -> list[tuple[str, int, str]]:
    told = [(1, "pending"), (2, "processing"), (3, "template"), (4, "ai_generator"), (5, "transformer")]
    ids = sorted(batch.contexts.values_list("pk", flat=True))
    return sorted((pk, *one) for pk in ids for one in [*told, (5, "completed")])


def test_who_follows_is_told_every_change_once_and_then_the_end(batch):
    tail = BatchTail(batch, None)
    ((kind, _, data),) = taken(tail)
    assert (kind, data["status"], data["counts"]["pending"]) == ("batch", "processing", CONTEXTS)
    assert taken(tail) == []
    run_drain(until_idle=True)
    events = taken(tail)
    assert sorted(changes(events)) == whole_runs(batch)
    kind, cursor, data = events[-1]
    assert (kind, data["status"], data["progress"], tail.is_over) == ("batch", "completed", 1.0, True)
    assert Cursor.read(cursor).is_end
    assert taken(tail) == []


def test_changes_of_a_context_come_in_the_order_of_its_revisions(batch):
    tail = BatchTail(batch, None)
    taken(tail)
    run_drain(until_idle=True)
    found = changes(taken(tail))
    for pk in {pk for pk, _, _ in found}:
        revisions = [revision for one, revision, _ in found if one == pk]
        assert revisions == sorted(revisions)


def test_resumed_stream_has_no_gap(batch):
    tail = BatchTail(batch, None)
    ((_, cursor, _),) = taken(tail)
    run_drain(until_idle=True)
    assert sorted(changes(taken(BatchTail(batch, Cursor.read(cursor))))) == whole_runs(batch)


def test_change_that_is_written_late_is_told(batch):
    """It bears an earlier time than what was told before."""
    tail = BatchTail(batch, None)
    taken(tail)
    token = claims.worker_register()
    first, second, _ = claims.claim(token, running=[], most=CONTEXTS)
    now = clock.now()
    late = {"ended_at": now - timedelta(seconds=15), "updated_at": now - timedelta(seconds=15)}
    write_group([Write(first.id, first.lease, Move.COMPLETE, {"ended_at": now, "updated_at": now})])
    assert (first.id, 3, "completed") in changes(taken(tail))
    write_group([Write(second.id, second.lease, Move.COMPLETE, late)])
    assert changes(taken(tail)) == [(second.id, 3, "completed")]


def test_many_changes_come_in_parts(batch, monkeypatch):
    monkeypatch.setattr(batch_tail, "CONTEXTS_AT_ONCE", 2)
    tail = BatchTail(batch, None)
    taken(tail)
    run_drain(until_idle=True)
    first = events_in(tail.take())
    assert tail.has_more
    assert {kind for kind, _, _ in first} == {"context"}, "how the batch stands is told last"
    assert sorted(changes(first + taken(tail))) == whole_runs(batch)


async def test_parts_of_what_is_told_come_with_a_rest_between_them(batch, monkeypatch):
    monkeypatch.setattr(batch_tail, "CONTEXTS_AT_ONCE", 1)
    await in_thread(lambda: run_drain(until_idle=True))
    stream, began = BatchStream(batch, Cursor(clock.now() - timedelta(hours=1))), list[float]()
    take = stream._tail.take

    def slow_take() -> bytes:
        began.append(time.monotonic())
        threading.Event().wait(TAKES_SECONDS)  # a look at a large batch
        return take()

    monkeypatch.setattr(stream._tail, "take", slow_take)
    with watcher.following() as news:
        while not stream._tail.is_over:
            await stream._look(news)
    await watcher.rest()
    assert len(began) == CONTEXTS
    assert all(later - former >= 2 * TAKES_SECONDS for former, later in pairwise(began))


def test_wishes_of_people_are_told(batch):
    tail = BatchTail(batch, None)
    taken(tail)
    token = claims.worker_register()
    jobs = claims.claim(token, running=[], most=2)
    for job in jobs:
        claims.fail_broken(token, job.id, 1, type="engine_error", message="It broke.")
    taken(tail)
    batch_retry_failed(batch.pk, organization_id=None)
    assert {status for _, _, status in changes(taken(tail))} == {"retrying"}
    batch_cancel(batch.pk, organization_id=None)
    events = taken(tail)
    assert [status for _, _, status in changes(events)].count("cancelled") == CONTEXTS
    assert (events[-1][2]["status"], tail.is_over) == ("cancelled", True)


def test_second_end_is_told_to_who_has_read_the_first_only(batch):
    def answer(cursor: str) -> HttpResponseBase:
        return batch_stream(RequestFactory().get("/"), batch, Cursor.read(cursor))

    tail = BatchTail(batch, None)
    token = claims.worker_register()
    for job in claims.claim(token, running=[], most=CONTEXTS):
        claims.fail_broken(token, job.id, 1, type="engine_error", message="It broke.")
    end = taken(tail)[-1][1]
    assert answer(end).status_code == 204
    while clock.now() <= Cursor.read(end).moment:
        pass  # a cursor counts milliseconds
    batch_retry_failed(batch.pk, organization_id=None)
    batch_cancel(batch.pk, organization_id=None)
    again = answer(end)
    assert isinstance(again, StreamingHttpResponse)
    events = events_in(again.getvalue().removeprefix(BEGINNING))
    assert [status for _, _, status in changes(events)].count("cancelled") == CONTEXTS
    assert events[-1][2]["status"] == "cancelled"
    assert answer(events[-1][1]).status_code == 204


def test_other_batches_are_not_told_of(batch, organization):
    tail = BatchTail(batch, None)
    taken(tail)
    item = ContextSubmission(type="article", pipeline=["template"], data={})
    batch_submit([item], submitter=Submitter(organization.pk, None))
    batch_cancel(batch.pk, organization_id=None)
    assert {pk for pk, _, _ in changes(taken(tail))} == set(batch.contexts.values_list("pk", flat=True))
    assert Context.objects.count() == CONTEXTS + 1


@pytest.mark.parametrize("text", ["", "-end", "x", "-1", "1.5", "9" * 16, "9" * 15, "12-end-end"])
def test_cursor_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="no cursor"):
        Cursor.read(text)


def test_cursor_comes_back_as_it_was():
    for cursor in (Cursor(clock.now()), Cursor(clock.now(), is_end=True)):
        assert Cursor.read(str(cursor)) == cursor
