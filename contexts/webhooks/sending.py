"""Sends one message to one address, and says in plain words what came of it. Knows no database."""

import time
from dataclasses import dataclass

import requests
from django.conf import settings
from requests.exceptions import ConnectionError, RequestException, SSLError, Timeout
from urllib3.exceptions import HTTPError

from base.strict_json import is_storable
from base.version import VERSION
from contexts.webhooks.connection import Deadline, DialledAdapter, Dialler, Refused

TIMEOUT_SECONDS = 10.0
MAX_EXCERPT_BYTES = 1024
GONE = 410


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt.

    Args:
        status: of the answer; None where there was none.
        error: why it does not count as delivered; empty where it does.
        answer: how the answer's body begins.
    """

    status: int | None
    duration_ms: int
    error: str = ""
    answer: str = ""

    @property
    def is_delivered(self) -> bool:
        return not self.error


def send(url: str, body: bytes, headers: dict[str, str], *, timeout_seconds: float = TIMEOUT_SECONDS) -> Outcome:
    """POST a message; never raises for what the other side does. Redirects are not followed."""
    began = time.monotonic()
    deadline = Deadline(timeout_seconds)
    status, answer, error = None, "", ""
    try:
        with deadline.running():
            status, answer = _post(url, body, headers, deadline)
            error = _complaint(status)
    except Refused as exc:
        error = str(exc)
    except (RequestException, HTTPError, OSError, ValueError) as exc:
        is_late = deadline.is_over or isinstance(exc, Timeout)
        error = f"There was no answer within {timeout_seconds:g} seconds." if is_late else _reason(exc)
    return Outcome(status, round((time.monotonic() - began) * 1000), error, answer)


def _post(url: str, body: bytes, headers: dict[str, str], deadline: Deadline) -> tuple[int, str]:
    adapter = DialledAdapter(Dialler(deadline, allow_private=settings.WEBHOOKS_ALLOW_PRIVATE))
    with requests.Session() as session:
        session.trust_env = False  # a proxy would resolve names anew; .netrc holds other people's passwords
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        with session.post(
            url,
            data=body,
            headers={"Content-Type": "application/json", "User-Agent": f"Draftline/{VERSION}", **headers},
            timeout=deadline.remaining_seconds,
            allow_redirects=False,
            stream=True,
        ) as response:
            if deadline.is_over:  # what was cut off in its headers looks like their end
                raise Timeout
            return response.status_code, _excerpt(response)


def _excerpt(response: requests.Response) -> str:
    """Return how the body begins; the status counts, so one that breaks off or drips is no failure."""
    try:
        raw = response.raw.read(MAX_EXCERPT_BYTES, decode_content=True)
    except (HTTPError, OSError):
        return ""
    text = raw.decode("utf-8", "replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return text if is_storable(text) else ""


def _complaint(status: int) -> str:
    """Return why an answer does not count as delivered."""
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"It answered with a redirect ({status}), which is not followed: register the address it leads to."
    return "It answered that it is gone (410)." if status == GONE else f"It answered {status}."


def _reason(exc: Exception) -> str:
    if isinstance(exc, SSLError):
        return "Its certificate was not accepted, or it speaks no TLS."
    if isinstance(exc, ConnectionError | OSError):
        return "The connection was refused or broke off."
    return "The request could not be sent: check the address."
