"""A real HTTP server that plays a client's: it takes webhooks, and can misbehave in every way that servers do."""

import json
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar


class Receiver:
    """Listens on loopback while the block runs.

    Args:
        status: what it answers; a test may change it.
        behave: called with the handler in place of the plain answer.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.behave: Callable[[BaseHTTPRequestHandler], None] | None = None
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.is_over = threading.Event()
        handler = type("Handler", (_Handler,), {"receiver": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    @property
    def payloads(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in list(self.requests)]

    @property
    def types(self) -> list[str]:
        return [payload["type"] for payload in self.payloads]

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in list(self.requests)]

    def __enter__(self) -> "Receiver":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.is_over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    receiver: ClassVar[Receiver]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.receiver.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
        try:
            if self.receiver.behave is not None:
                self.receiver.behave(self)
            else:
                self._answer()
        except OSError:  # whoever asked has hung up
            self.close_connection = True

    def _answer(self) -> None:
        self.send_response(self.receiver.status)
        for name, value in self.receiver.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def drip(receiver: Receiver, first: bytes = b"") -> Callable[[BaseHTTPRequestHandler], None]:
    """Return a behaviour: send a byte every 50 ms, for ever: of a header, or of a body after ``first``."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(first or b"HTTP/1.1 200 OK\r\nX-Drip: ")
        while not receiver.is_over.is_set():
            handler.wfile.write(b"a")
            time.sleep(0.05)

    return behave


def stay_silent(receiver: Receiver) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return a behaviour: take the message and answer nothing."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        receiver.is_over.wait(60)

    return behave
