"""The doorbell through Redis: heard in milliseconds, and never relied on."""

import asyncio
import statistics
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.db import connections

from base import redis_link
from contexts.batches import batch_cancel, batch_retry_failed, batch_submit
from contexts.doorbell import Doorbell
from contexts.engine import listener, subscriber
from contexts.engine.drain import Drain
from contexts.engine.listener import Listener
from contexts.engine.run import run_drain
from contexts.engine.subscriber import POLL_SECONDS, POLL_WHILE_TOLD_SECONDS, RedisListener, tell_listeners
from contexts.models import Batch, Context
from contexts.services import context_cancel, context_retry, context_submit
from contexts.states import Status
from contexts.submission import ContextSubmission, Submitter

TEMPLATE_ONLY = ContextSubmission.model_validate({"type": "article", "pipeline": ["template"]})


@pytest.fixture(autouse=True)
def _as_if_on_mongodb(redis, monkeypatch):
    """On SQLite drains hear the database itself; here they are to hear Redis."""
    for module in (listener, subscriber):
        monkeypatch.setattr(module, "is_heard_by_redis", lambda: True)


class Ear:
    """A listener with a note of when it woke its owner."""

    def __init__(self) -> None:
        self.woken_at = 0.0
        self.listener = RedisListener(self._note)

    def _note(self) -> None:
        self.woken_at = time.monotonic()

    async def is_woken(self) -> None:
        await wait_until(lambda: bool(self.woken_at))


async def wait_until(is_so: Callable[[], object], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)


@asynccontextmanager
async def listening() -> AsyncIterator[Ear]:
    """An ear that has looked at what was there when it began to listen."""
    ear = Ear()
    async with aclosing(ear.listener):
        await ear.is_woken()
        await wait_until(ear.listener.has_news)
        ear.woken_at = 0.0
        yield ear


async def test_bell_is_heard_at_once():
    async with listening() as ear:
        rung_at = time.monotonic()
        assert await asyncio.to_thread(tell_listeners)
        await ear.is_woken()
        print(f"heard after {(ear.woken_at - rung_at) * 1000:.1f} ms")
        assert ear.woken_at - rung_at < 0.1
        await wait_until(ear.listener.has_news, 0.1)
        assert not ear.listener.has_news(), "it is asked again only when there are news, or for the poll"


async def test_nobody_hears_a_bell_after_the_listener_is_closed():
    async with listening():
        pass
    await wait_until(lambda: not tell_listeners())


async def test_many_rings_cost_few_looks():
    looks = 0
    async with listening() as ear:
        began = time.monotonic()
        for _ in range(200):
            await asyncio.to_thread(tell_listeners)
            looks += ear.listener.has_news()
        assert looks <= (time.monotonic() - began) / subscriber.LOOK_AT_MOST_EVERY_SECONDS + 1


async def test_lost_message_costs_no_more_than_the_poll():
    async with listening() as ear:
        assert ear.listener.look_seconds == POLL_WHILE_TOLD_SECONDS
        await wait_until(ear.listener.has_news, POLL_WHILE_TOLD_SECONDS + 0.1)


async def test_database_is_looked_at_more_often_while_redis_hangs(redis):
    async with listening() as ear:
        redis.pause()
        await wait_until(lambda: ear.listener.look_seconds == POLL_SECONDS)


async def test_killed_redis_is_listened_to_again_by_itself(redis, monkeypatch):
    async with listening() as ear:
        redis.kill()
        await wait_until(lambda: ear.listener.look_seconds == POLL_SECONDS)
        redis.start()
        began = time.monotonic()
        await ear.is_woken()
        print(f"listens again after {ear.woken_at - began:.2f} s")
        ear.woken_at = 0.0
        monkeypatch.setattr(redis_link, "breaker", redis_link.Breaker())
        await asyncio.to_thread(tell_listeners)
        await ear.is_woken()


def submit_one() -> Context:
    context, _ = context_submit(TEMPLATE_ONLY, submitter=Submitter("org_test"))
    return context


def submit_batch() -> Batch:
    batch, _ = batch_submit([TEMPLATE_ONLY], submitter=Submitter("org_test"))
    return batch


def failed(context: Context) -> Context:
    Context.objects.filter(pk=context.pk).update(status=Status.FAILED)
    return context


def failed_batch() -> Batch:
    batch = submit_batch()
    Context.objects.filter(batch_id=batch.pk).update(status=Status.FAILED)
    return batch


WISHES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "submit": (lambda: None, lambda _: submit_one()),
    "submit a batch": (lambda: None, lambda _: submit_batch()),
    "cancel": (submit_one, lambda context: context_cancel(context.pk, organization_id=None)),
    "retry": (lambda: failed(submit_one()), lambda context: context_retry(context.pk, organization_id=None)),
    "cancel a batch": (submit_batch, lambda batch: batch_cancel(batch.pk, organization_id=None)),
    "retry a batch": (failed_batch, lambda batch: batch_retry_failed(batch.pk, organization_id=None)),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wish", WISHES)
async def test_every_wish_rings(organization, wish):
    prepare, make = (sync_to_async(step) for step in WISHES[wish])
    prepared = await prepare()
    async with listening() as ear:
        await make(prepared)
        await ear.is_woken()


def test_installations_on_one_server_do_not_ring_for_each_other(redis, settings):
    ours = subscriber.channel()
    settings.REDIS_URL = redis.url(7)
    assert subscriber.channel() != ours


# --- with a drain ---------------------------------------------------------------------------------------------
@pytest.fixture
def drain(db, settings):
    """A drain in a thread, which listens already."""
    call_command("loadsamples", verbosity=0)
    settings.DRAIN_SECONDS = 60
    is_over = threading.Event()

    def work() -> None:
        try:
            run_drain(should_stop=is_over.is_set)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work, name="drain")
    thread.start()
    deadline = time.monotonic() + 20
    while not tell_listeners():
        assert time.monotonic() < deadline
    yield
    is_over.set()
    thread.join(20)


def wait_for(context: Context, status: Status) -> None:
    deadline = time.monotonic() + 10
    while Context.objects.values_list("status", flat=True).get(pk=context.pk) != status:
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("drain")
def test_submission_is_picked_up_within_milliseconds(organization):
    waits = []
    for _ in range(20):
        context, _ = context_submit(TEMPLATE_ONLY, submitter=Submitter(organization.pk))
        wait_for(context, Status.COMPLETED)
        context.refresh_from_db()
        assert context.started_at is not None
        waits.append((context.started_at - context.created_at).total_seconds())
    print(f"picked up after {statistics.median(waits) * 1000:.0f} ms, at most {max(waits) * 1000:.0f} ms")
    assert statistics.median(waits) < 0.1


@pytest.mark.django_db(transaction=True)
def test_drain_that_only_finishes_what_it_has_hears_no_more(monkeypatch):
    """Else the bell would be taken for heard, and no other drain be started."""
    heard_until_then: list[bool] = []
    finish, take_turn = Drain._finish, Drain._take_turn

    async def look_and_take_turn(drain: Drain, ears: Listener) -> int:
        await wait_until(tell_listeners)
        heard_until_then.append(True)
        return await take_turn(drain, ears)

    async def look_and_finish(drain: Drain) -> None:
        await wait_until(lambda: not tell_listeners())
        await finish(drain)

    monkeypatch.setattr(Drain, "_take_turn", look_and_take_turn)
    monkeypatch.setattr(Drain, "_finish", look_and_finish)
    run_drain(until_idle=True)
    assert heard_until_then == [True]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("drain")
def test_bell_that_was_heard_costs_no_query_and_no_message(django_assert_num_queries):
    with django_assert_num_queries(0):
        Doorbell().ring()


async def test_listener_that_is_closed_while_it_connects_ends_at_once(redis):
    """redis-py then fails to close its connection, and the error takes the cancellation's place."""
    for number in range(60):
        listener = RedisListener(lambda: None)
        await asyncio.sleep(number % 20 / 10_000)
        await asyncio.wait_for(listener.aclose(), 2)
