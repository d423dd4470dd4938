"""Bodies are taken in without a thread, bounded in size and time; and what WSGI is told of a request."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from config.bodies import SPOOL_BYTES, BodyLimits, collect
from config.bridge import WsgiInThreads
from config.long_answers import LongAnswers

ROOMY = BodyLimits(keep_bytes=10 * SPOOL_BYTES)


def receiver(*parts: bytes, then: str = "end"):
    """Return what a server gives an application to read with: some parts, then the end, nothing, or a disconnect."""

    async def messages() -> AsyncIterator[dict[str, Any]]:
        for number, part in enumerate(parts):
            is_last = then == "end" and number == len(parts) - 1
            yield {"type": "http.request", "body": part, "more_body": not is_last}
        if then == "silence":
            await asyncio.Event().wait()
        yield {"type": "http.disconnect"}

    source = messages()
    return lambda: anext(source)


@pytest.mark.parametrize("parts", [[b""], [b"abc"], [b"ab", b"", b"c"], [b"x" * SPOOL_BYTES] * 3])
async def test_a_body_is_read_as_it_came(parts):
    with closing(await collect(receiver(*parts), ROOMY)) as body:
        assert body.size == len(b"".join(parts))
        assert body.read(1) + body.read() == b"".join(parts)
        assert body.read() == b""


async def test_lines_are_read_as_from_a_file():
    with closing(await collect(receiver(b"one\ntw", b"o\nthree"), ROOMY)) as body:
        lines = [body.readline(), body.readline(2), body.readline(), body.readline()]
    assert lines == [b"one\n", b"tw", b"o\n", b"three"]


@pytest.mark.parametrize("parts", [[b"abcdef"], [b"abc", b"def"], [b"abcdef", b"gh"]])
async def test_what_is_beyond_the_limit_is_counted_and_not_kept(parts):
    sent = b"".join(parts)
    with closing(await collect(receiver(*parts), BodyLimits(keep_bytes=4))) as body:
        read = b"".join(iter(lambda: body.read(3), b""))
    assert read == b"abcd".ljust(len(sent), b"\0")


async def test_a_body_that_breaks_off_is_none():
    with pytest.raises(ConnectionResetError):
        await collect(receiver(b"ab", b"c", then="disconnect"), ROOMY)


@pytest.mark.parametrize("limits", [{"idle_seconds": 0.01}, {"whole_seconds": 0.01}])
async def test_a_body_that_takes_too_long_is_given_up(limits):
    with pytest.raises(TimeoutError):
        await collect(receiver(b"ab", then="silence"), BodyLimits(keep_bytes=4, **limits))


def scope_of(*headers: tuple[bytes, bytes], method: str = "POST", path: str = "/") -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"a=%C3%A9",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "headers": list(headers),
    }


async def answered(app, receive, *headers: tuple[bytes, bytes], limits: BodyLimits = ROOMY) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    with ThreadPoolExecutor(1) as thread:
        bridge = WsgiInThreads(app, threads=lambda path: thread, limits=limits, long_answers=LongAnswers(1))
        await bridge(scope_of(*headers), receive, send)
    return sent


async def test_a_client_that_stops_sending_is_told_so():
    start, body = await answered(None, receiver(b"a", then="silence"), limits=BodyLimits(4, idle_seconds=0.01))
    assert start["status"] == 408
    assert (b"connection", b"close") in start["headers"]
    assert b'"type": "/problems/request-timeout"' in body["body"]


async def test_a_header_with_an_underscore_does_not_pass_for_one_with_a_dash():
    seen: dict[str, Any] = {}

    def app(environ, start_response):
        seen.update(environ)
        start_response("204 No Content", [])
        return []

    headers = [(b"x_forwarded_proto", b"https"), (b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"content-type", b"a/b")]
    await answered(app, receiver(b"abc"), *headers)
    assert "HTTP_X_FORWARDED_PROTO" not in seen
    assert seen["HTTP_COOKIE"] == "a=1; b=2"
    assert (seen["CONTENT_TYPE"], seen["CONTENT_LENGTH"], seen["QUERY_STRING"]) == ("a/b", "3", "a=%C3%A9")


async def test_a_large_answer_goes_out_part_by_part_and_is_closed():
    class Parts:
        closed = False

        def __iter__(self):
            yield from [b"x" * 100_000] * 7

        def close(self):
            self.closed = True

    parts = Parts()

    def app(environ, start_response):
        start_response("200 OK", [("X-Name", "v")])
        return parts

    start, *bodies = await answered(app, receiver(b""))
    assert start["headers"] == [(b"x-name", b"v")]
    assert [len(message["body"]) for message in bodies] == [300_000, 300_000, 100_000]
    assert [message["more_body"] for message in bodies] == [True, True, False]
    assert parts.closed
