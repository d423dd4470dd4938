"""Requests to outside services: what is sent, what comes back, where they never go."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from base.addresses import is_public
from components.builtin.http import HttpComponent, HttpConfig
from components.contract import StepNotes, Tools
from components.errors import ComponentError, PermanentError, TransientError
from components.outbound import MAX_ANSWER_BYTES, OutboundHttp, PublicResolver
from tests.components.conftest import view


class Service:
    """An outside service that answers as it is told."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], Any]] = []
        self.answer: Any = {"score": 7}
        self.text: str | None = None
        self.status = 200
        self.headers: dict[str, str] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.drop = False
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((dict(request.headers), await request.json()))
        await self.gate.wait()
        if self.drop and request.transport:
            request.transport.abort()
        text = json.dumps(self.answer) if self.text is None else self.text
        return web.Response(text=text, status=self.status, headers=self.headers)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    made = Service()
    app = web.Application()
    app.router.add_post("/hook", made.handle)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.1)
    made.url = str(server.make_url("/hook"))
    yield made
    made.gate.set()
    await server.close()


@pytest.fixture
async def outbound() -> AsyncIterator[OutboundHttp]:
    made = OutboundHttp(allow_private=True)
    yield made
    await made.aclose()


@pytest.fixture
async def guarded() -> AsyncIterator[OutboundHttp]:
    made = OutboundHttp(allow_private=False)
    yield made
    await made.aclose()


async def post(outbound: OutboundHttp, url: str, **options: Any) -> Any:
    return await outbound.post_json(url, {"a": 1}, **{"headers": {}, "timeout_seconds": 5.0, **options})


async def failure(outbound: OutboundHttp, url: str, **options: Any) -> ComponentError:
    with pytest.raises(ComponentError) as caught:
        await post(outbound, url, **options)
    return caught.value


async def run(outbound: OutboundHttp, data: dict[str, Any], **config: Any) -> dict[str, Any]:
    nothing = cast(Any, None)
    tools = Tools(nothing, nothing, outbound, nothing, "ctx_1:crm:abc", StepNotes())
    return await HttpComponent(HttpConfig(**config)).process(view(data), tools)


async def test_context_is_sent_and_the_answer_written(service, outbound):
    result = await run(
        outbound,
        {"title": "T", "secret": "S"},
        url=service.url,
        headers={"Authorization": "Bearer x"},
        result_key="crm",
        send=["title", "missing"],
    )
    assert result == {"crm": {"score": 7}}
    headers, body = service.requests[0]
    assert body == {"context_id": "ctx_1", "type": "article", "data": {"title": "T"}}
    assert headers["Authorization"] == "Bearer x"
    assert headers["Idempotency-Key"] == "ctx_1:crm:abc"


async def test_everything_is_sent_where_nothing_is_named(service, outbound):
    await run(outbound, {"title": "T", "more": 1}, url=service.url)
    assert service.requests[0][1]["data"] == {"title": "T", "more": 1}


def test_key_that_is_written_follows_from_the_settings():
    assert HttpComponent.keys_written(HttpConfig(url="https://x.example", result_key="crm")) == {"crm"}


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
async def test_passing_trouble_may_be_tried_again_after_what_it_says(service, outbound, status):
    service.status, service.headers = status, {"Retry-After": "4"}
    error = await failure(outbound, service.url)
    assert isinstance(error, TransientError)
    assert error.retry_after == 4.0
    assert str(status) in error.message


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422])
async def test_refusal_is_permanent(service, outbound, status):
    service.status = status
    error = await failure(outbound, service.url)
    assert isinstance(error, PermanentError)
    assert error.type == "request_refused"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_not_followed(service, outbound, status):
    service.status, service.headers = status, {"Location": service.url}
    error = await failure(outbound, service.url)
    assert (error.type, error.retryable) == ("redirect", False)
    assert len(service.requests) == 1


@pytest.mark.parametrize("text", ["", "<html>", "NaN", '{"a": "\\u0000"}'])
async def test_answer_that_is_no_json_is_permanent(service, outbound, text):
    service.text = text
    assert (await failure(outbound, service.url)).type == "bad_answer"


async def test_answer_that_is_too_large_is_given_up(service, outbound):
    service.text = '"' + "x" * MAX_ANSWER_BYTES + '"'
    error = await failure(outbound, service.url)
    assert (error.type, error.retryable) == ("answer_too_large", False)


async def test_refused_connection_is_called_that(outbound):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = await failure(outbound, f"http://127.0.0.1:{port}/hook")
    assert (error.type, error.retryable) == ("connection_refused", True)
    assert "refused" in error.message


async def test_silence_is_a_time_out(service, outbound):
    service.gate.clear()
    error = await failure(outbound, service.url, timeout_seconds=0.2)
    assert (error.type, error.retryable) == ("timeout", True)


async def test_broken_connection_is_called_lost(service, outbound):
    service.drop = True
    error = await failure(outbound, service.url)
    assert (error.type, error.retryable) == ("connection_lost", True)


async def test_unknown_name_is_called_unreachable(outbound):
    error = await failure(outbound, "http://nowhere.invalid/")
    assert (error.type, error.retryable) == ("unreachable", True)


@pytest.mark.parametrize("url", ["ftp://x.example/", "file:///etc/passwd", "https://", "http://[::1", "//x.example"])
async def test_other_urls_are_refused(outbound, url):
    assert (await failure(outbound, url)).type == "bad_url"


async def test_header_that_smuggles_a_line_is_refused(service, outbound):
    error = await failure(outbound, service.url, headers={"X-A": "b\r\nX-C: d"})
    assert not error.retryable
    assert service.requests == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0x7f000001",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[fe80::1]",
        "[fc00::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "127\u30020\u30020\u30021",
        "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
    ],
)
async def test_private_address_is_never_asked(guarded, service, host):
    port = service.url.split(":")[2].split("/")[0]
    error = await failure(guarded, f"http://{host}:{port}/hook")
    assert (error.type, error.retryable) == ("address_not_allowed", False)
    assert "HTTP_ALLOW_PRIVATE" in error.message
    assert service.requests == []


@pytest.mark.parametrize("host", ["127.1", "2130706433", "127.0.0.1%2f.example"])
async def test_address_in_disguise_is_never_asked(guarded, service, host):
    port = service.url.split(":")[2].split("/")[0]
    error = await failure(guarded, f"http://{host}:{port}/hook")
    assert not error.retryable or error.type == "unreachable"
    assert service.requests == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::5db8:d70e", True),
        ("192.0.2.1", False),
        ("255.255.255.255", False),
        ("fe80::1%eth0", False),
    ],
)
def test_public_addresses_are_told_from_private_ones(address, public):
    assert is_public(address) is public


async def test_name_is_refused_by_its_address_whatever_it_is_called(guarded, service, monkeypatch):
    """The real resolver is asked; only what the system's own look-up says is replaced."""
    port = int(service.url.split(":")[2].split("/")[0])
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    error = await failure(guarded, f"http://innocent.example:{port}/hook")
    assert error.type == "address_not_allowed"
    assert service.requests == []


async def test_only_the_public_ones_of_a_names_addresses_are_used(monkeypatch):
    addresses = ["10.0.0.1", "93.184.215.14", "169.254.169.254"]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    resolved = await PublicResolver(aiohttp.ThreadedResolver()).resolve("half.example", 443)
    assert [result["host"] for result in resolved] == ["93.184.215.14"]
