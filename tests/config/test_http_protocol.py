"""Connections of a real uvicorn: a client that reads nothing of its answer is cut off, a slow one is not."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from config import http_protocol
from config.http_protocol import ProblemHttpProtocol
from config.listening import listen

DEADLINE_SECONDS = 10
READS_WITHIN_SECONDS = 0.4
PART = bytes(64 * 1024)
PARTS = 400  # more than all buffers on the way hold


class Speaker:
    """Sends many parts, and notes how far it came and when it was left."""

    def __init__(self) -> None:
        self.sent = 0
        self.was_left = asyncio.Event()

    async def __call__(self, scope: Any, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        speaking = asyncio.create_task(self._speak(send))
        while (await receive())["type"] != "http.disconnect":
            pass
        await asyncio.wait([speaking])
        self.was_left.set()

    async def _speak(self, send: Callable[..., Any]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(PARTS):
            await send({"type": "http.response.body", "body": PART, "more_body": True})
            self.sent += 1
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[int]:
    """Serve on a free port."""
    listener = listen("127.0.0.1", 0)
    config = uvicorn.Config(app, http=ProblemHttpProtocol, ws="none", lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve([listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        await asyncio.wait_for(task, DEADLINE_SECONDS)


async def connect(port: int) -> socket.socket:
    """Ask, over a connection that takes little before it is read."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))
    await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    return client


@pytest.fixture(autouse=True)
def _time_is_short(monkeypatch) -> None:
    monkeypatch.setattr(http_protocol, "READS_WITHIN_SECONDS", READS_WITHIN_SECONDS)


async def test_client_that_reads_nothing_is_cut_off():
    speaker = Speaker()
    async with serving(speaker) as port:
        with await connect(port):
            await asyncio.wait_for(speaker.was_left.wait(), DEADLINE_SECONDS)


async def test_client_that_reads_slowly_gets_all():
    speaker = Speaker()
    loop = asyncio.get_running_loop()
    async with serving(speaker) as port:
        with await connect(port) as client:
            read = 0
            began = loop.time()
            while loop.time() - began < 4 * READS_WITHIN_SECONDS:
                read += len(await loop.sock_recv(client, 16 * 1024))
                await asyncio.sleep(READS_WITHIN_SECONDS / 8)
            assert speaker.sent < PARTS, f"{read} bytes were read"
            while read < PARTS * len(PART):
                found = await loop.sock_recv(client, 1024 * 1024)
                assert found, f"cut off after {read} bytes"
                read += len(found)
