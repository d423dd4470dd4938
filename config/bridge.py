"""Runs a WSGI application in threads below an ASGI server.

The body is whole before a thread is taken, so that slow clients hold none, and one hop brings the answer back. An
answer that goes on holds no thread either: see long_answers.py.
a2wsgi hops for every part of both, and each hop is a wait for the interpreter's lock.
"""

import asyncio
import contextvars
import sys
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

from base.going_on import SERVER_KEY, GoesOn
from config.bodies import AwaitedBody, Body, BodyLimits, Message, Receive, collect
from config.http_protocol import PROBLEM_TYPE, problem_body
from config.long_answers import LongAnswers, Send

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Any], Iterable[bytes]]
ChooseThreads = Callable[[str], Executor]
Rest = Callable[[], Awaitable[None]] | None
T = TypeVar("T")

# An answer that is larger goes out part by part.
GATHERED_BYTES = 256 * 1024
# How many threads may wait for bodies that come only when they are asked for. Beyond that they are asked for at once.
AWAITED_AT_ONCE = 2


class WsgiInThreads:
    """An ASGI application that answers with a WSGI one.

    Args:
        threads: for a request's path, where it runs.
        limits: of bodies.
        long_answers: where answers go on.
    """

    def __init__(self, app: WsgiApp, *, threads: ChooseThreads, limits: BodyLimits, long_answers: LongAnswers) -> None:
        self._app = app
        self._threads = threads
        self._limits = limits
        self._long_answers = long_answers
        self._awaited = 0

    def stop(self) -> None:
        """Let answers that go on come to their end, because the server stops."""
        self._long_answers.stop()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"  # the server speaks nothing else
        does_await = _expects_100(scope) and self._awaited < AWAITED_AT_ONCE
        answer = self._answer_awaiting if does_await else self._answer_collected
        see_through = await answer(scope, receive, send)
        if see_through is not None:  # for long: nothing is held of the body any more
            await see_through()

    async def _answer_collected(self, scope: Any, receive: Receive, send: Send) -> Rest:
        try:
            body = await collect(receive, self._limits)
        except ConnectionResetError:
            return None
        except TimeoutError:
            await _send_too_slow(send)
            return None
        try:
            return await self._answer(scope, body, str(body.size), receive, send)
        finally:
            body.close()

    async def _answer_awaiting(self, scope: Any, receive: Receive, send: Send) -> Rest:
        """Let the application decide whether the client is to send its body at all."""
        self._awaited += 1
        body = AwaitedBody(receive, self._limits)
        try:
            return await self._answer(scope, body, _announced_size(scope), receive, send)
        finally:
            self._awaited -= 1
            body.close()

    async def _answer(self, scope: Any, body: Body | AwaitedBody, size: str, receive: Receive, send: Send) -> Rest:
        """Answer; return what sees it through where it goes on."""
        loop = asyncio.get_running_loop()

        async def in_thread(function: Callable[[], T]) -> T:
            context = contextvars.copy_context()
            return await loop.run_in_executor(self._threads(scope["path"]), context.run, function)

        run = _Run(self._app, environ_of(scope, body, size), loop, send)
        messages = await in_thread(run)
        if run.goes_on is not None:
            see_through = self._long_answers.see_through
            return partial(see_through, run.goes_on, messages[0], run=in_thread, receive=receive, send=send)
        for message in messages:
            await send(message)
        return None


class _Run:
    """One request in a thread. Called, it returns the messages that are still to be sent.

    Of an answer that goes on only the first of them counts: its status and headers.
    """

    def __init__(self, app: WsgiApp, environ: Environ, loop: asyncio.AbstractEventLoop, send: Send) -> None:
        self.loop = loop
        self._app = app
        self._environ = environ
        self._send = send
        self.goes_on: GoesOn | None = None
        self._start: Message = {}
        self._gathered: list[bytes] = []
        self._size = 0

    def __call__(self) -> list[Message]:
        parts = self._app(self._environ, self._start_response)
        self.goes_on = parts if isinstance(parts, GoesOn) else None
        try:
            for part in parts:
                self._gather(part)
        finally:
            getattr(parts, "close", lambda: None)()
        return self._messages(is_last=True)

    def _start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        code = int(status[:3])
        if code == HTTPStatus.NO_CONTENT:  # Django gives a length to what must have none (RFC 9110, 8.6)
            encoded = [pair for pair in encoded if pair[0] != b"content-length"]
        self._start = {"type": "http.response.start", "status": code, "headers": encoded}
        return self._gather

    def _gather(self, part: bytes) -> None:
        self._gathered.append(part)
        self._size += len(part)
        if self._size > GATHERED_BYTES:
            for message in self._messages(is_last=False):
                # waits until the client has read enough of what went before
                asyncio.run_coroutine_threadsafe(_sent(self._send, message), self.loop).result()

    def _messages(self, *, is_last: bool) -> list[Message]:
        body: Message = {"type": "http.response.body", "body": b"".join(self._gathered), "more_body": not is_last}
        start, self._start, self._gathered, self._size = self._start, {}, [], 0
        return [start, body] if start else [body]


async def _sent(send: Send, message: Message) -> None:
    await send(message)


def environ_of(scope: Any, body: Body | AwaitedBody, size: str) -> Environ:
    """Return the WSGI environment of a request.

    Source: https://peps.python.org/pep-3333/#environ-variables
    """
    server, client = scope["server"], scope["client"]
    return {
        **dict(_headers(scope)),
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "CONTENT_LENGTH": size,
        "SERVER_NAME": server[0] if server else "localhost",
        "SERVER_PORT": str(server[1] if server else 80),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0] if client else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        SERVER_KEY: True,
    }


def _headers(scope: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        # a name with an underscore could pass for one with a dash that a proxy vouches for
        if b"_" in name:
            continue
        text = name.decode("latin-1").upper().replace("-", "_")
        key = text if text == "CONTENT_TYPE" else f"HTTP_{text}"
        separator = "; " if text == "COOKIE" else ","
        found[key] = found[key] + separator + value.decode("latin-1") if key in found else value.decode("latin-1")
    return found


def _expects_100(scope: Any) -> bool:
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"])


def _announced_size(scope: Any) -> str:
    """Return the size that the headers name; a body that comes in chunks may have any."""
    found = [value.decode("latin-1") for name, value in scope["headers"] if name == b"content-length"]
    return found[0] if found else str(sys.maxsize)


async def _send_too_slow(send: Send) -> None:
    body = problem_body(HTTPStatus.REQUEST_TIMEOUT, "The body came too slowly; send it again.")
    length = b"%d" % len(body)
    headers = [(b"content-type", PROBLEM_TYPE), (b"content-length", length), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": int(HTTPStatus.REQUEST_TIMEOUT), "headers": headers})
    await send({"type": "http.response.body", "body": body})
