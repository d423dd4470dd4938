"""Answers that go on: no thread is held, the client may leave, the server may stop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.http import HttpResponse

from base.going_on import SERVER_KEY, Exchange, GoesOn
from config.bodies import BodyLimits
from config.bridge import AWAITED_AT_ONCE, WsgiInThreads
from config.long_answers import LongAnswers

DEADLINE_SECONDS = 10


class Story(GoesOn):
    """Tells a part, then waits to be told to go on."""

    def __init__(self, owner: str = "org_one") -> None:
        super().__init__(owner=owner, headers={"X-Mine": "yes"})
        self.go = asyncio.Event()
        self.was_left = False

    async def hold(self, exchange: Exchange) -> None:
        try:
            await exchange.send(b"once ")
            await self.go.wait()
            await exchange.send(b"upon")
        except asyncio.CancelledError:
            self.was_left = True
            raise

    async def finish(self, exchange: Exchange) -> None:
        if exchange.is_begun:
            await exchange.end()
        else:
            await exchange.send_whole(HttpResponse(b"yours" if exchange.is_beyond_share else b"full", status=503))


class Broken(GoesOn):
    def __init__(self) -> None:
        super().__init__(owner="org_one")

    async def hold(self, exchange: Exchange) -> None:
        raise ValueError("broken")


class Client:
    """One request to the bridge, with one thread below it."""

    def __init__(self, bridge: WsgiInThreads, *, waits_for_100: bool = False) -> None:
        self.sent: list[Any] = []
        self.left = asyncio.Event()
        self.stirred = asyncio.Event()
        self._body = [] if waits_for_100 else [{"type": "http.request", "body": b"", "more_body": False}]
        headers = [(b"expect", b"100-continue")] if waits_for_100 else []
        self.task = asyncio.create_task(bridge({**SCOPE, "headers": headers}, self._receive, self._send))

    async def _receive(self) -> Any:
        if self._body:
            return self._body.pop()
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)
        self.stirred.set()

    async def has_sent(self, number: int) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(self.sent) < number:
                self.stirred.clear()
                await self.stirred.wait()

    async def ends(self) -> bytes:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await self.task
        return b"".join(message.get("body", b"") for message in self.sent)


SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/",
    "query_string": b"",
    "headers": [],
    "http_version": "1.1",
    "scheme": "http",
    "server": None,
    "client": None,
}


def bridge_to(*answers: HttpResponse, at_most: int = 10, bodies: list[Any] | None = None) -> WsgiInThreads:
    """Return a bridge that gives these answers one after the other, and then the last of them."""
    left = list(answers)

    def app(environ: Any, start_response: Any) -> Any:
        assert environ[SERVER_KEY]
        if bodies is not None:
            bodies.append(environ["wsgi.input"])
        start_response("200 OK", [("X-Mine", "yes"), ("Content-Length", "0")])
        return left.pop(0) if len(left) > 1 else left[0]

    thread = ThreadPoolExecutor(1)
    return WsgiInThreads(app, threads=lambda path: thread, limits=BodyLimits(1000), long_answers=LongAnswers(at_most))


async def test_parts_come_as_they_are_sent_and_hold_no_thread():
    story = Story()
    bridge = bridge_to(story)
    first, second = Client(bridge), Client(bridge)  # with one thread, neither could wait for the other in it
    await first.has_sent(2)
    await second.has_sent(2)
    assert first.sent[0]["headers"] == [(b"x-mine", b"yes")], "nobody knows the length"
    story.go.set()
    assert (await first.ends(), await second.ends()) == (b"once upon", b"once upon")
    assert first.sent[-1]["more_body"] is False


async def test_answer_that_goes_on_keeps_no_body():
    story, bodies = Story(), list[Any]()
    client = Client(bridge_to(story, bodies=bodies))
    await client.has_sent(2)
    with pytest.raises(ValueError, match="closed"):
        bodies[0].read()
    story.go.set()
    await client.ends()


async def test_answers_that_go_on_do_not_keep_others_from_waiting_for_their_bodies():
    story = Story()
    bridge = bridge_to(story)
    clients = [Client(bridge, waits_for_100=True) for _ in range(AWAITED_AT_ONCE)]
    for client in clients:
        await client.has_sent(2)
    another = Client(bridge, waits_for_100=True)
    await another.has_sent(2)  # though its body never comes
    story.go.set()
    for client in [*clients, another]:
        assert await client.ends() == b"once upon"


async def test_client_that_leaves_frees_its_answer():
    story = Story()
    client = Client(bridge_to(story))
    await client.has_sent(2)
    client.left.set()
    assert await client.ends() == b"once "
    assert story.was_left


async def test_server_that_stops_ends_what_goes_on():
    bridge = bridge_to(Story())
    client = Client(bridge)
    await client.has_sent(2)
    bridge.stop()
    assert await client.ends() == b"once "
    assert client.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert await Client(bridge).ends() == b"full", "later ones are not held at all"


async def test_beyond_the_limit_nothing_is_held():
    bridge = bridge_to(Story(), Story("org_two"), at_most=1)
    first = Client(bridge)
    await first.has_sent(2)
    second = Client(bridge)
    assert await second.ends() == b"full"
    assert second.sent[0]["status"] == 503
    assert (b"x-mine", b"yes") in second.sent[0]["headers"]
    assert (b"content-length", b"4") in second.sent[0]["headers"]
    first.left.set()
    await first.ends()
    third = Client(bridge)
    await third.has_sent(2)
    third.left.set()
    await third.ends()


async def test_nobody_has_more_than_half_of_what_is_held():
    owners = ["org_one"] * 3 + ["org_two"] * 3
    bridge = bridge_to(*(Story(owner) for owner in [*owners, "org_one"]), at_most=4)
    clients = []
    for _ in owners:
        clients.append(Client(bridge))
        await clients[-1].has_sent(2)
    assert [await clients[place].ends() for place in (2, 5)] == [b"yours", b"yours"]
    assert not any(clients[place].task.done() for place in (0, 1, 3, 4))
    clients[0].left.set()
    await clients[0].ends()
    again = Client(bridge)
    await again.has_sent(2)
    assert not again.task.done()
    for client in (*clients, again):
        client.left.set()
        await client.ends()


async def test_answer_that_breaks_is_a_problem(caplog):
    client = Client(bridge_to(Broken()))
    assert b"/problems/internal-server-error" in await client.ends()
    assert client.sent[0]["status"] == 500
    assert "request_broke" in caplog.text
