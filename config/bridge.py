"""What a2wsgi leaves out between ASGI and Django: bodies without a length, broken ones, and those nobody reads."""

import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from base.parsers import MAX_DISCARDED_BYTES

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]
WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


def with_chunked_bodies(app: WsgiApp) -> WsgiApp:
    """Let Django read a body that came without a length, to its end: it reads at most CONTENT_LENGTH bytes."""

    def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if "HTTP_TRANSFER_ENCODING" in environ:
            environ["CONTENT_LENGTH"] = str(sys.maxsize)
        return app(environ, start_response)

    return wrapped


def with_whole_bodies(app: AsgiApp) -> AsgiApp:
    """Notice bodies that break off, and read to their end those that the app left unread."""

    async def wrapped(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        body = _Body(receive, is_awaited=_expects_100(scope))

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                await body.discard()
            await send(message)

        await app(scope, body.receive, sent)

    return wrapped


def _expects_100(scope: Any) -> bool:
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"])


class _Body:
    """The rest of one request's body.

    Args:
        is_awaited: the client sends nothing before it is asked to, by the first read.
    """

    def __init__(self, receive: Receive, *, is_awaited: bool) -> None:
        self._receive = receive
        self._is_over = is_awaited

    async def receive(self) -> Message:
        """Return the next part.

        Raises:
            ConnectionResetError: the client went away before the end; a2wsgi would take that for the end.
        """
        message = await self._receive()
        self._is_over = not message.get("more_body", False)
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client went away")
        return message

    async def discard(self) -> None:
        """Read what is left: a client that is still sending would see a broken connection instead of the answer."""
        size = 0
        while not self._is_over and size < MAX_DISCARDED_BYTES:
            message = await self._receive()
            size += len(message.get("body", b""))
            self._is_over = not message.get("more_body", False)
