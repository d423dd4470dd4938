"""Bodies of every kind against the real web server, over real sockets."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = json.dumps({"type": "article", "pipeline": ["template"], "data": {"title": "x"}}).encode()
TOO_LARGE = b'{"type": "article", "data": {"t": "' + b"a" * 5_000_000 + b'"}}'
DEADLINE_SECONDS = 30
WEB_THREADS = 10


@dataclass
class Answer:
    """What came back: the status, the headers' text, the body."""

    status: int
    head: str
    body: bytes

    def problem(self, status: int) -> dict[str, Any]:
        assert self.status == status, (self.head, self.body[:300])
        assert "application/problem+json" in self.head
        document: dict[str, Any] = json.loads(self.body)
        return document


class Server:
    """A web server of its own on a free port, with a database of its own."""

    def __init__(self, data_dir: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        names = ("PATH", "HOME", "VIRTUAL_ENV", "LANG")
        self.env = {name: os.environ[name] for name in names if name in os.environ}
        self.env |= {"DATA_DIR": str(data_dir), "PORT": str(self.port)}
        self.manage("migrate", "-v0")
        self.key = self.manage("apikey", "create", "--name", "t", "--scopes", "contexts:read,contexts:write").split()[
            -1
        ]
        self.log = (data_dir / "log").open("wb")
        command = [sys.executable, "-m", "config.web"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=self.log, stderr=self.log)

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.env, check=True, capture_output=True, text=True).stdout

    def wait(self) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return
            except OSError:
                assert self.process.poll() is None
                assert time.monotonic() < deadline

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=DEADLINE_SECONDS)
        self.log.close()

    def count(self) -> int:
        url = f"http://127.0.0.1:{self.port}/api/contexts?limit=200"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self.key}"})
        with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as answer:
            return len(json.load(answer)["results"])

    def send(self, request: bytes, *, half_close: bool = False) -> Answer | None:
        """Send bytes and read one answer; None where the connection just ended."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_SECONDS) as connection:
            connection.sendall(request)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            return _read(connection)

    def get(self, path: bytes) -> Answer | None:
        return self.send(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    def post(self, headers: bytes, body: bytes, path: bytes = b"/api/contexts", **options: bool) -> Answer | None:
        lines = [b"POST " + path + b" HTTP/1.1", b"Host: localhost", b"Content-Type: application/json"]
        lines += [b"Authorization: Bearer " + self.key.encode(), b"Connection: close", headers]
        return self.send(b"\r\n".join(lines) + b"\r\n\r\n" + body, **options)


def _read(connection: socket.socket) -> Answer | None:
    received = b""
    while piece := connection.recv(65536):
        received += piece
        head, found, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if found and length and len(body) >= int(length[1]):
            break
    if not received:
        return None
    return Answer(int(received.split(b" ")[1]), head.decode(), body)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("wire"))
    try:
        server.wait()
        yield server
    finally:
        server.close()


def chunked(body: bytes, size: int = 1000) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def length(number: int) -> bytes:
    return b"Content-Length: %d" % number


@pytest.mark.parametrize("size", [1, 10, 100_000])
def test_a_chunked_body_is_read_whole(server, size):
    answer = server.post(b"Transfer-Encoding: chunked", chunked(DOCUMENT, size))
    assert answer.status == 201
    assert json.loads(answer.body)["data"] == {"title": "x"}


def test_a_body_that_is_too_large_is_read_and_refused(server):
    before = server.count()
    server.post(length(len(TOO_LARGE)), TOO_LARGE).problem(413)
    server.post(b"Transfer-Encoding: chunked", chunked(TOO_LARGE, 60_000)).problem(413)
    bulk = b'{"contexts": ["' + b"a" * 21 * 1024 * 1024 + b'"]}'
    server.post(length(len(bulk)), bulk, b"/api/contexts/bulk").problem(413)
    assert server.count() == before


@pytest.mark.parametrize(("path", "status"), [(b"/api/nothing", 404), (b"/api/contexts/ctx_x", 405), (b"/readyz", 405)])
def test_a_large_body_that_nobody_wants_does_not_hide_the_answer(server, path, status):
    server.post(length(len(TOO_LARGE)), TOO_LARGE, path).problem(status)
    server.post(b"Transfer-Encoding: chunked", chunked(TOO_LARGE, 60_000), path).problem(status)


def test_a_client_that_asks_first_need_not_send_what_nobody_wants(server):
    # the 401 comes without a 100 before it, and without a byte of the body
    head = b"POST /api/contexts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\n"
    server.send(head + length(5_000_000) + b"\r\n\r\n").problem(401)


def test_a_body_that_ends_too_early_is_not_stored(server):
    before = server.count()
    # what arrived is a whole document: only its announced length tells that more was to come
    answer = server.post(length(len(DOCUMENT) + 100), DOCUMENT, half_close=True)
    assert answer is None or answer.status == 400
    answer = server.post(b"Transfer-Encoding: chunked", chunked(DOCUMENT)[:-5], half_close=True)
    assert answer is None or answer.status == 400
    assert server.count() == before


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (length(-5), DOCUMENT),
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked", chunked(DOCUMENT)),
        (b"Content-Length: abc", DOCUMENT),
        (b"Transfer-Encoding: chunked", b"zz\r\n" + DOCUMENT),
        (length(len(DOCUMENT) - 10), DOCUMENT),
    ],
)
def test_a_body_that_contradicts_its_headers_is_a_problem_and_not_stored(server, headers, body):
    before = server.count()
    server.post(headers, body).problem(400)
    assert server.count() == before


@pytest.mark.parametrize("target", [b"/api/contexts?q=\xff", b"/api/\xff", b"/ HTTP/9.9\r\n", b"x y z"])
def test_what_is_no_http_is_a_problem(server, target):
    server.send(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n").problem(400)


@pytest.mark.parametrize("header", [b"X: y", b"Expect: 100-continue"], ids=["one byte", "waits to be asked"])
def test_many_clients_that_send_no_more_hold_nobody_up(server, header):
    head = b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n" + header + b"\r\n\r\n"
    with ExitStack() as open_connections:
        for _ in range(3 * WEB_THREADS):
            slow = socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE_SECONDS)
            open_connections.enter_context(slow)
            slow.sendall(head if b"Expect" in header else head + b"a")
        assert server.get(b"/healthz").status == 200
        assert server.post(length(len(DOCUMENT)), DOCUMENT).status == 201
        asked = server.post(length(len(DOCUMENT)) + b"\r\nExpect: 100-continue", DOCUMENT)
        assert asked.head.startswith("HTTP/1.1 100")


def test_the_server_is_well_afterwards(server):
    assert server.get(b"/readyz").status == 200
