"""Awaits answers that go on: beside the threads, on the loop, so many at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, TypeVar

from django.http.response import HttpResponseBase
from django.utils.encoding import force_bytes

from base.going_on import GoesOn
from config.bodies import Message, Receive
from config.http_protocol import PROBLEM_TYPE, problem_body

Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

OF_THE_BODY = frozenset({b"content-length", b"content-type"})

T = TypeVar("T")

logger = logging.getLogger(__name__)


class LongAnswers:
    """The answers of this process that go on.

    Args:
        at_most: how many are held at a time; those beyond are finished at once. Half of them may be of one owner, so
            that nobody takes all.
    """

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._share = (at_most + 1) // 2
        self._held: dict[asyncio.Task[None], str] = {}
        self._is_stopping = False

    def stop(self) -> None:
        """Let all of them come to their end now, and those that come later at once."""
        self._is_stopping = True
        for task in self._held:
            task.cancel()

    async def see_through(self, answer: GoesOn, start: Message, *, run: Any, receive: Receive, send: Send) -> None:
        """Hold an answer for as long as it goes on and the client is there, then finish it.

        Args:
            start: the message with the view's status and headers.
            run: runs blocking code in a thread.
        """
        exchange = AsgiExchange(start, run, send)
        whole = asyncio.create_task(self._hold_and_finish(answer, exchange), name="long-answer")
        gone = asyncio.create_task(_client_gone(receive), name="client-gone")
        try:
            await asyncio.wait([whole, gone], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (whole, gone):
                task.cancel()
            await asyncio.wait([whole, gone])
        if not whole.cancelled() and (exc := whole.exception()) is not None:
            logger.error("request_broke", exc_info=exc)
            await exchange.send_problem()

    async def _hold_and_finish(self, answer: GoesOn, exchange: "AsgiExchange") -> None:
        exchange.is_beyond_share = self._held_of(answer.owner) >= self._share
        if len(self._held) < self._at_most and not (exchange.is_beyond_share or self._is_stopping):
            task = asyncio.create_task(answer.hold(exchange), name="held-answer")
            self._held[task] = answer.owner
            try:
                await asyncio.wait([task])
            finally:
                task.cancel()
                del self._held[task]
            if not task.cancelled() and (exc := task.exception()) is not None:
                raise exc
        await answer.finish(exchange)

    def _held_of(self, owner: str) -> int:
        return sum(one == owner for one in self._held.values())


class AsgiExchange:
    """One answer as ASGI sends it; see `base.going_on.Exchange`."""

    def __init__(self, start: Message, run: Callable[[Callable[[], Any]], Awaitable[Any]], send: Send) -> None:
        self._start = start
        self._run = run
        self._send = send
        self.is_begun = False
        self.is_beyond_share = False

    async def send(self, part: bytes) -> None:
        if not self.is_begun:
            self.is_begun = True
            headers = [pair for pair in self._start["headers"] if pair[0] != b"content-length"]
            await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": part, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def send_whole(self, response: HttpResponseBase) -> None:
        body = b"".join(force_bytes(part) for part in response)
        own = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
        await self._send_all(response.status_code, own, body)

    async def run(self, function: Callable[[], T]) -> T:
        found: T = await self._run(function)
        return found

    async def send_problem(self) -> None:
        """End an answer that broke: with a problem where nothing was sent, else as it is."""
        if self.is_begun:
            return
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        body = problem_body(status, "Something went wrong on our side; it was logged.")
        await self._send_all(status, [(b"content-type", PROBLEM_TYPE)], body)

    async def _send_all(self, status: int, own: Headers, body: bytes) -> None:
        self.is_begun = True
        named = {name for name, _ in own} | OF_THE_BODY
        theirs = [pair for pair in self._start["headers"] if pair[0] not in named]
        headers = [*theirs, *(pair for pair in own if pair[0] != b"content-length")]
        if status != HTTPStatus.NOT_MODIFIED:  # there it would be the length of what is not sent
            headers.append((b"content-length", b"%d" % len(body)))
        await self._send({"type": "http.response.start", "status": int(status), "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


async def _client_gone(receive: Receive) -> None:
    """Wait until the client has gone; what it still sends is not read."""
    while (await receive())["type"] != "http.disconnect":
        pass
