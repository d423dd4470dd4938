"""Says in plain words why an outside service did not answer: shared by the model provider and the http tool."""

import asyncio
import errno
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp

from components.errors import TransientError

MAX_RETRY_AFTER_SECONDS = 3600.0


def causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what it came from, the nearest first."""
    seen: set[int] = set()
    current: BaseException | None = exc
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def connection_error(exc: BaseException, where: str) -> TransientError:
    """Return the error for a call that got no whole answer.

    The openai client calls a refused or lost connection a time-out; what really happened stands in the causes.
    """
    chain = list(causes(exc))
    for cause in chain:
        if isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED:
            return TransientError(f"{where} refused the connection: nothing listens there.", type="connection_refused")
        if isinstance(cause, aiohttp.ClientConnectorDNSError):
            return TransientError(f"{where} could not be found: its name has no address.", type="unreachable")
    for cause in chain:
        if isinstance(cause, aiohttp.ClientSSLError):
            return TransientError(f"{where} could not be reached safely: TLS failed.", type="unreachable")
        if isinstance(cause, TimeoutError | asyncio.TimeoutError):
            return TransientError(f"{where} did not answer in time.", type="timeout")
        if isinstance(cause, aiohttp.ClientConnectorError):
            return TransientError(f"{where} could not be reached.", type="unreachable")
        if isinstance(cause, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError | ConnectionResetError):
            return TransientError(f"{where} broke the connection off.", type="connection_lost")
    return TransientError(f"The connection to {where} failed.", type="connection_failed")


def retry_after_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return how long the other side asks us to wait; None where it does not say.

    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after; ``retry-after-ms`` is OpenAI's.
    """
    seconds = _number(headers.get("retry-after-ms"), 0.001)
    if seconds is None:
        seconds = _number(headers.get("retry-after"), 1)
    if seconds is None:
        seconds = _until(headers.get("retry-after"), now or datetime.now(UTC))
    return None if seconds is None else min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def _number(text: str | None, unit: float) -> float | None:
    try:
        value = float(text) * unit if text else None
    except ValueError:
        return None
    return None if value is None or value != value else value


def _until(text: str | None, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    if moment is None:
        return None
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
