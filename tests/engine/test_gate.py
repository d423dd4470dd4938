"""Calls begin when the limits of all workers let them; who would wait long is told to come back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from base import clock
from components.errors import PermanentError, ProviderBusy, TransientError
from contexts.engine import gate as module
from contexts.engine.gate import Gate
from contexts.engine.limits import Grant, Need, ProviderLimits, ProviderState, settle
from contexts.engine.providers import provider_settle
from contexts.models import Provider


class Books:
    """What the workers share, in memory."""

    def __init__(self) -> None:
        self.state = ProviderState()
        self.is_away = False

    async def settle(self, name: str, limits: ProviderLimits, need: Need) -> Grant:
        await asyncio.sleep(0.001)
        if self.is_away:
            raise OSError("away")
        self.state, grant = settle(self.state, limits, need, clock.now().timestamp())
        return grant


async def told_nobody(reason: str) -> None:
    return None


@asynccontextmanager
async def gates(limits: ProviderLimits, books: Books, number: int = 1) -> AsyncIterator[list[Gate]]:
    made = [Gate(f"gate_{index}", {"openai": limits}, books.settle) for index in range(number)]
    try:
        yield made
    finally:
        for gate in made:
            await gate.aclose()


class Crowd:
    """Counts calls that run at once."""

    def __init__(self, seconds: float = 0.02) -> None:
        self.now = self.most = self.done = 0
        self._seconds = seconds

    async def call(self, gate: Gate, tokens: int = 1, organization: str = "org") -> None:
        async with gate.call("openai", organization=organization, tokens=tokens, on_wait=told_nobody):
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(self._seconds)
            self.now -= 1
            self.done += 1


async def until(found: Callable[[], Any], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not found():  # noqa: ASYNC110 - it looks at what has no event
            await asyncio.sleep(0.005)


async def test_calls_of_two_workers_stay_below_one_limit_and_all_come_through():
    books, crowd = Books(), Crowd()
    async with gates(ProviderLimits(concurrent=8), books, 2) as pair:
        await asyncio.gather(*(crowd.call(gate) for gate in pair for _ in range(30)))
    assert crowd.done == 60
    assert 4 <= crowd.most <= 8
    assert books.state.shares == {}


async def test_hundreds_begin_at_once_where_the_limit_allows_it():
    crowd = Crowd(0.5)
    async with gates(ProviderLimits(concurrent=1000), Books()) as (gate,):
        await asyncio.gather(*(crowd.call(gate) for _ in range(500)))
    assert crowd.most == 500


async def test_provider_without_limits_is_not_held():
    async with gates(ProviderLimits(concurrent=1), Books()) as (gate,), AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(gate.call("offline", organization="org", tokens=1, on_wait=told_nobody))


async def test_refusal_cools_the_provider_for_the_other_worker_too():
    books = Books()
    async with gates(ProviderLimits(), books, 2) as (first, second):
        with pytest.raises(ProviderBusy) as caught:
            async with first.call("openai", organization="org", tokens=1, on_wait=told_nobody):
                raise TransientError("Too many.", type="rate_limited", retry_after=60)
        assert caught.value.waiting_for.startswith("provider openai until 20")
        assert caught.value.retry_after == pytest.approx(60, abs=1)
        await until(lambda: books.state.cool_until)
        for gate in (first, second):
            with pytest.raises(ProviderBusy):
                async with gate.call("openai", organization="org", tokens=1, on_wait=told_nobody):
                    pytest.fail("it cools")


async def test_other_errors_pass_and_free_the_place():
    async with gates(ProviderLimits(concurrent=1), Books()) as (gate,):
        for error in (TransientError("No.", type="timeout"), PermanentError("Never.")):
            with pytest.raises(type(error)):
                async with gate.call("openai", organization="org", tokens=1, on_wait=told_nobody):
                    raise error


async def test_short_cool_down_is_waited_for():
    async with gates(ProviderLimits(), Books()) as (gate,):
        with pytest.raises(ProviderBusy):
            async with gate.call("openai", organization="org", tokens=1, on_wait=told_nobody):
                raise TransientError("Too many.", type="rate_limited", retry_after=0)
        crowd = Crowd(0)
        await crowd.call(gate)
        assert crowd.done == 1


async def test_whoever_waits_long_is_told_why_and_then_sent_home(monkeypatch):
    monkeypatch.setattr(module, "SAY_SECONDS", 0.05)
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.3)
    heard: list[str] = []

    async def hear(reason: str) -> None:
        heard.append(reason)

    async with gates(ProviderLimits(concurrent=1), Books()) as (gate,):
        async with gate.call("openai", organization="org", tokens=1, on_wait=told_nobody):
            with pytest.raises(ProviderBusy) as caught:
                async with gate.call("openai", organization="org", tokens=1, on_wait=hear):
                    pytest.fail("one runs")
        assert heard == [caught.value.waiting_for] == ["provider openai: 1 calls at once are under way"]
        assert 5 <= (caught.value.retry_after or 0) <= 300
        await Crowd(0).call(gate)


async def test_line_does_not_grow_without_end(monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    async with gates(ProviderLimits(concurrent=1), Books()) as (gate,):
        async with gate.call("openai", organization="org", tokens=1, on_wait=told_nobody):
            waiting = [asyncio.create_task(Crowd(0).call(gate)) for _ in range(3)]
            await until(lambda: gate._lines["openai"]._grant.short_of)
            with pytest.raises(ProviderBusy):
                async with gate.call("openai", organization="org", tokens=1, on_wait=told_nobody):
                    pytest.fail("three wait")
        await asyncio.gather(*waiting)


async def test_backlog_of_one_organization_leaves_another_its_turn(monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING", 8)
    large, small = Crowd(0.01), Crowd(0)
    async with gates(ProviderLimits(concurrent=1), Books()) as (gate,):
        async with gate.call("openai", organization="large", tokens=1, on_wait=told_nobody):
            waiting = [asyncio.create_task(large.call(gate, organization="large")) for _ in range(8)]
            await until(lambda: gate._lines["openai"]._grant.short_of)
            with pytest.raises(ProviderBusy):
                await large.call(gate, organization="large")
            other = asyncio.create_task(small.call(gate, organization="small"))
            await asyncio.sleep(0)
        await other
        assert large.done <= 2, "it did not wait for all of them"
        await asyncio.gather(*waiting)


async def test_cancelled_call_leaves_its_place_to_the_next():
    async with gates(ProviderLimits(concurrent=1), Books()) as (gate,):
        async with gate.call("openai", organization="org", tokens=1, on_wait=told_nobody):
            gone = asyncio.create_task(Crowd(0).call(gate))
            after = Crowd(0)
            next_one = asyncio.create_task(after.call(gate))
            await asyncio.sleep(0)
            gone.cancel()
        await next_one
        assert after.done == 1


async def test_requests_a_minute_are_kept():
    crowd = Crowd(0)
    async with gates(ProviderLimits(requests_per_minute=100), Books()) as (gate,):
        tasks = [asyncio.create_task(crowd.call(gate)) for _ in range(20)]
        await asyncio.wait(tasks, timeout=0.5)
        assert crowd.done == 5, "a twentieth of the limit at once, then one every 0.6 seconds"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_tokens_that_were_not_used_are_given_back():
    books = Books()
    async with gates(ProviderLimits(tokens_per_minute=20_000), books) as (gate,):
        async with gate.call("openai", organization="org", tokens=1000, on_wait=told_nobody) as call:
            call.used(10)
        await until(lambda: books.state.shares == {}, 5)
        assert books.state.tokens is None or books.state.tokens >= 990


async def test_database_that_is_away_keeps_calls_waiting_and_no_longer():
    books, crowd = Books(), Crowd(0)
    books.is_away = True
    async with gates(ProviderLimits(), books) as (gate,):
        task = asyncio.create_task(crowd.call(gate))
        await asyncio.wait([task], timeout=0.3)
        assert not task.done()
        books.is_away = False
        await asyncio.wait_for(task, 3)


@pytest.mark.django_db
def test_rows_keep_what_is_shared():
    limits = ProviderLimits(concurrent=10)
    assert provider_settle("openai", limits, Need("a", wanted=7, waiting=7)).held == 7
    assert provider_settle("openai", limits, Need("b", wanted=7, waiting=7)).held == 3
    row = Provider.objects.get()
    assert (row.pk, row.revision) == ("openai", 2)
    assert set(row.state["shares"]) == {"a", "b"}
