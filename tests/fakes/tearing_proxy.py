"""A proxy that tears connections in the middle of their answers, and refuses requests, as a bad day does."""

import re
import socket
import threading
from contextlib import suppress
from typing import Self

REFUSAL = (
    "HTTP/1.1 {status} Later\r\nRetry-After: 1\r\nContent-Type: application/problem+json\r\n"
    "Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
)
PROBLEM = '{{"type": "/problems/throttled", "title": "Later", "status": {status}, "detail": "Later.", "errors": []}}'
SOME = 65536


class TearingProxy:
    """Hands on what clients send to a server. Use it as a context manager.

    Args:
        port: the server's.
        tear_after: what of an answer lets its connection be torn, right after it.
        tears: how often.
        refusals: statuses; each is the answer to one request, before anything is handed on.
    """

    def __init__(self, port: int, *, tear_after: bytes, tears: int, refusals: list[int]) -> None:
        self._server = ("127.0.0.1", port)
        self._tear_after = tear_after
        self.tears_left = tears
        self.refusals_left = list(refusals)
        self.requests: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            first = client.recv(SOME)
            if not first:
                return
            if status := self._refusal():
                body = PROBLEM.format(status=status)
                client.sendall(REFUSAL.format(status=status, length=len(body), body=body).encode())
                return
            with socket.create_connection(self._server) as server:
                self._hand_on(first, server)
                threading.Thread(target=self._requests, args=(client, server), daemon=True).start()
                self._answers(server, client)

    def _refusal(self) -> int | None:
        with self._lock:
            return self.refusals_left.pop(0) if self.refusals_left else None

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while part := client.recv(SOME):
                self._hand_on(part, server)
            server.shutdown(socket.SHUT_WR)

    def _hand_on(self, part: bytes, server: socket.socket) -> None:
        self.requests += [line.decode() for line in re.findall(rb"(?:GET|POST) \S+ HTTP|(?i:last-event-id: \S+)", part)]
        server.sendall(part)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        said = b""
        while part := server.recv(SOME):
            said += part
            end = said.find(self._tear_after)
            if end >= 0 and self._may_tear():
                client.sendall(part[: len(part) - (len(said) - end - len(self._tear_after))])
                client.shutdown(socket.SHUT_RDWR)  # to close it is not enough while a thread reads from it
                return
            client.sendall(part)
        client.shutdown(socket.SHUT_WR)

    def _may_tear(self) -> bool:
        with self._lock:
            self.tears_left -= 1
            return self.tears_left >= 0
