"""What a2wsgi leaves out between ASGI and Django: bodies of unknown length, and clients that go away."""

import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]
WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


def with_chunked_bodies(app: WsgiApp) -> WsgiApp:
    """Let Django read a body that came without a length, to its end: it reads at most CONTENT_LENGTH bytes."""

    def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if "HTTP_TRANSFER_ENCODING" in environ:
            environ["CONTENT_LENGTH"] = str(sys.maxsize)
        return app(environ, start_response)

    return wrapped


def with_broken_bodies_noticed(app: AsgiApp) -> AsgiApp:
    """Make reading fail when the client goes away in the middle of a body; a2wsgi would call that its end."""

    async def wrapped(scope: Any, receive: Receive, send: Any) -> None:
        async def received() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionResetError("the client went away")
            return message

        await app(scope, received if scope["type"] == "http" else receive, send)

    return wrapped
