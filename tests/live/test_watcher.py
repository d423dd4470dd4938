"""The one watcher of a web process: what it tells, and that it rests while nobody waits."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connections

from contexts.engine.listener import make_listener
from contexts.live import looks as looking
from contexts.live import watcher as module
from contexts.live.looks import Seen
from contexts.live.watcher import Watch, Watcher
from contexts.models import Context
from contexts.services import context_cancel
from tests.contexts.rows import make_context

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 10


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Run database code in a thread that closes its connection."""

    def run() -> Any:
        try:
            return function(*args)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        return await asyncio.get_running_loop().run_in_executor(thread, run)


async def ended(watcher: Watcher) -> None:
    await asyncio.wait_for(watcher.rest(), SECONDS)


def live_threads() -> int:
    return sum(thread.name.startswith("live") for thread in threading.enumerate())


@pytest.fixture
def context(organization) -> Context:
    return make_context(organization)


@pytest.fixture
def looks(monkeypatch) -> list[dict[str, int]]:
    """What was looked for, look by look."""
    seen: list[dict[str, int]] = []
    real = looking.look

    def look(known, with_history):
        seen.append(dict(known))
        return real(known, with_history)

    monkeypatch.setattr(module, "look", look)
    return seen


def cancel(context: Context) -> None:
    context_cancel(context.pk, organization_id=None)


async def test_change_is_told_to_all_who_watch_with_one_look(context, looks):
    watcher = Watcher()
    short, long = (Watch(Seen.of(context), with_history=wanted) for wanted in (False, True))
    with watcher.watching(short), watcher.watching(long):
        await in_thread(cancel, context)
        without, with_history = await short.next(SECONDS), await long.next(SECONDS)
    assert without is not None
    assert with_history is not None
    assert with_history.row is not None
    assert without.seen.has_ended
    assert with_history.row.moves[-1]["status"] == "cancelled"
    assert all(set(known) == {context.pk} for known in looks)
    await ended(watcher)


async def test_change_from_before_the_watch_is_told(context):
    watcher = Watcher()
    seen = Seen.of(context)
    await in_thread(cancel, context)
    with watcher.watching(Watch(seen, with_history=False)) as watch:
        sight = await watch.next(SECONDS)
    assert sight is not None
    assert sight.seen.has_ended
    await ended(watcher)


async def test_nobody_who_waits_costs_nothing(context, looks):
    watcher = Watcher()
    with watcher.watching(Watch(Seen.of(context), with_history=False)) as watch:
        assert await watch.next(0.2) is None
    await ended(watcher)
    count = len(looks)
    await in_thread(cancel, context)
    assert len(looks) == count
    assert live_threads() == 0


@pytest.mark.sqlite("elsewhere it is told, or looks now and then")
async def test_nothing_is_looked_for_while_nobody_writes(context, looks):
    watcher = Watcher()
    with watcher.watching(Watch(Seen.of(context), with_history=False)) as watch:
        assert await watch.next(0.5) is None
        assert len(looks) <= 2, "one for the new watch"
    await ended(watcher)


async def test_who_comes_again_is_served_again(context):
    watcher = Watcher()
    for _ in range(3):
        with watcher.watching(Watch(Seen.of(context), with_history=False)) as watch:
            await watch.next(0.01)
    with watcher.watching(Watch(Seen.of(context), with_history=False)) as watch:
        await in_thread(cancel, context)
        assert await watch.next(SECONDS) is not None
    await ended(watcher)


async def test_database_that_is_away_leaves_all_waiting(context, monkeypatch, caplog):
    watcher = Watcher()
    real, is_away = looking.look, True

    def look(known, with_history):
        if is_away:
            raise OperationalError("away")
        return real(known, with_history)

    monkeypatch.setattr(module, "look", look)
    monkeypatch.setattr(module, "AFTER_TROUBLE_SECONDS", 0.05)
    with watcher.watching(Watch(Seen.of(context), with_history=False)) as watch:
        await in_thread(cancel, context)
        assert await watch.next(0.5) is None
        is_away = False
        assert await watch.next(SECONDS) is not None
    assert caplog.text.count("database_away") == 1
    await ended(watcher)


class BreaksOnce:
    """Stands before a function that fails the first time it is called."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self._real = real
        self.was_called = False

    def __call__(self, *args: Any) -> Any:
        if not self.was_called:
            self.was_called = True
            raise OSError("broken")
        return self._real(*args)


@pytest.mark.parametrize("where", ["make", "ask"])
async def test_listener_that_breaks_is_made_anew(context, monkeypatch, caplog, where):
    watcher = Watcher()
    kind = type(make_listener(lambda: None))
    if where == "make":
        broken = BreaksOnce(make_listener)
        monkeypatch.setattr(module, "make_listener", broken)
    else:
        broken = BreaksOnce(kind.has_news)
        monkeypatch.setattr(kind, "has_news", lambda listener: broken(listener))
    monkeypatch.setattr(module, "AFTER_TROUBLE_SECONDS", 0.05)
    with watcher.watching(Watch(Seen.of(context), with_history=False)) as watch:
        await in_thread(cancel, context)
        assert await watch.next(SECONDS) is not None
    assert broken.was_called
    assert caplog.text.count("live_look_broke") == 1
    await ended(watcher)


async def test_connection_that_cannot_be_closed_leaves_all_waiting(context, monkeypatch, caplog):
    watcher = Watcher()
    seen = Seen.of(context)
    await in_thread(cancel, context)
    broken_look, broken_close = BreaksOnce(looking.look), BreaksOnce(connections.close_all)
    monkeypatch.setattr(module, "look", broken_look)
    monkeypatch.setattr(connections, "close_all", broken_close)
    monkeypatch.setattr(module, "AFTER_TROUBLE_SECONDS", 0.05)
    with watcher.watching(Watch(seen, with_history=False)) as watch:
        assert await watch.next(SECONDS) is not None
    assert broken_close.was_called
    assert caplog.text.count("live_look_broke") == 1
    await ended(watcher)


async def test_look_for_those_who_wait_comes_after_one_of_many_other_looks(context, monkeypatch):
    watcher, gate, handed = Watcher(), threading.Event(), list[str]()
    was_handed = {"other": asyncio.Event(), "look": asyncio.Event()}
    in_thread_really = watcher._in_thread

    async def note(function):
        handed.append("other" if function is slow else "look")
        was_handed[handed[-1]].set()
        return await in_thread_really(function)

    def slow() -> None:
        gate.wait(SECONDS)

    monkeypatch.setattr(watcher, "_in_thread", note)
    with watcher.following():
        others = [asyncio.create_task(watcher.run(slow)) for _ in range(5)]
        await asyncio.wait_for(was_handed["other"].wait(), SECONDS)
        with watcher.watching(Watch(Seen.of(context), with_history=False)):
            await asyncio.wait_for(was_handed["look"].wait(), SECONDS)
            assert handed == ["other", "look"]
            gate.set()
            await asyncio.gather(*others)
    await ended(watcher)


async def test_followers_hear_of_news(context):
    watcher = Watcher()
    with watcher.following() as news:
        async with asyncio.timeout(SECONDS):
            await news.wait()
            news.clear()
            await in_thread(cancel, context)
            await news.wait()
            assert await watcher.run(lambda: 1) == 1
    await ended(watcher)
