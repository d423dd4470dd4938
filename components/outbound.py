"""POSTs to services outside: bounded, without redirects, never to an address inside of our own network."""

import socket
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from base.addresses import is_literal, is_public
from base.problems import InvalidInput
from base.strict_json import parse_json
from components.errors import ComponentError, PermanentError, TransientError
from components.network import connection_error, retry_after_seconds

MAX_ANSWER_BYTES = 4 * 1024 * 1024
CONNECT_SECONDS = 10.0
CHUNK_BYTES = 64 * 1024
TRANSIENT = frozenset({408, 425, 429})


def _not_allowed(host: str) -> PermanentError:
    return PermanentError(
        f"{host} is an address inside of a private network, where requests are not allowed: "
        "register a public address, or set HTTP_ALLOW_PRIVATE.",
        type="address_not_allowed",
    )


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses only. The connection uses what was checked: no second look-up."""

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        allowed = [result for result in found if is_public(result["host"])]
        if found and not allowed:
            raise _not_allowed(host)
        return allowed

    async def close(self) -> None:
        await self._inner.close()


class OutboundHttp:
    """The ``http`` of a component's tools. Make it inside the running loop; close it at the end."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        resolver: AbstractResolver = aiohttp.ThreadedResolver()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, resolver=resolver if allow_private else PublicResolver(resolver), use_dns_cache=False
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "Draftline"},
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def post_json(
        self, url: str, payload: dict[str, Any], *, headers: Mapping[str, str], timeout_seconds: float
    ) -> Any:
        """POST JSON and return the answer's JSON; see `components.contract.HttpClient`."""
        target = self._checked(url)
        where = f"The service at {target.host}"
        timeout = aiohttp.ClientTimeout(
            total=timeout_seconds, sock_connect=min(CONNECT_SECONDS, timeout_seconds), ceil_threshold=60
        )
        try:
            async with self._session.post(
                target, json=payload, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                _check_status(response, where)
                return _parsed(await _bounded_body(response, where), where)
        except ComponentError:
            raise
        except (aiohttp.InvalidURL, ValueError) as exc:
            message = f"The request to {target.host} cannot be sent: check its URL and headers."
            raise PermanentError(message, type="bad_url") from exc
        except (TimeoutError, aiohttp.ClientError, OSError) as exc:
            raise connection_error(exc, where) from exc

    def _checked(self, url: str) -> URL:
        """Return the URL as aiohttp reads it: it turns full-width digits into an address, and asks no resolver."""
        try:
            target = URL(url)
        except ValueError as exc:
            raise PermanentError("The service's URL cannot be read; correct it.", type="bad_url") from exc
        host = target.host or ""
        if target.scheme not in ("http", "https") or not host:
            raise PermanentError("The service's URL must begin with https:// or http://.", type="bad_url")
        if not self._allow_private and is_literal(host) and not is_public(host):
            raise _not_allowed(host)
        return target


def _check_status(response: aiohttp.ClientResponse, where: str) -> None:
    status = response.status
    if 200 <= status < 300:
        return
    wait = retry_after_seconds(response.headers)
    if status in TRANSIENT or status >= 500:
        type = "rate_limited" if status == 429 else "service_error"
        raise TransientError(f"{where} answered {status}.", retry_after=wait, type=type)
    if 300 <= status < 400:
        raise PermanentError(
            f"{where} answered with a redirect ({status}): register the address it leads to.", type="redirect"
        )
    raise PermanentError(f"{where} refused the request ({status}).", type="request_refused")


async def _bounded_body(response: aiohttp.ClientResponse, where: str) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise PermanentError(f"{where} answered with more than {MAX_ANSWER_BYTES} bytes.", type="answer_too_large")
    return bytes(body)


def _parsed(body: bytes, where: str) -> Any:
    try:
        return parse_json(body)
    except InvalidInput as exc:
        raise PermanentError(
            f"{where} answered with something that is no JSON: {exc.detail}", type="bad_answer"
        ) from exc
