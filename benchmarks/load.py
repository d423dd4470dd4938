"""Clients that send one request after the other, as many as the server takes; each costs some 0.1 ms a request."""

import asyncio
import re
import time
from dataclasses import dataclass

from benchmarks.processes import BenchFailed

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Load:
    """What a server answered in a time."""

    requests: int
    seconds: float


def send_load(port: int, request: bytes, *, clients: int, seconds: float, status: int) -> Load:
    """Send a request again and again for so many seconds.

    Args:
        request: the whole request, head and body.
        status: what every answer must have.

    Raises:
        BenchFailed: an answer had another status.
    """
    return asyncio.run(_load(port, request, clients, seconds, status))


def post_request(path: str, key: str, body: bytes) -> bytes:
    """Return a POST as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _load(port: int, request: bytes, clients: int, seconds: float, status: int) -> Load:
    began = time.monotonic()
    ends_at = began + seconds
    counts = await asyncio.gather(*(_client(port, request, ends_at, status) for _ in range(clients)))
    return Load(sum(counts), time.monotonic() - began)


async def _client(port: int, request: bytes, ends_at: float, status: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = 0
    try:
        while time.monotonic() < ends_at:
            writer.write(request)
            await _read_answer(reader, status)
            answered += 1
    except (OSError, EOFError) as exc:
        raise BenchFailed(f"the server broke a connection off: {exc}") from exc
    finally:
        writer.close()
    return answered


async def _read_answer(reader: asyncio.StreamReader, status: int) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = LENGTH.search(head)
    body = await reader.readexactly(int(length[1])) if length else b""
    if int(head.split(b" ", 2)[1]) != status:
        raise BenchFailed(f"the server answered {head.splitlines()[0]!r}: {body[:300]!r}")
