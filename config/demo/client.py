"""A client app as anyone would write it: requests, a key, post, poll."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import requests

from config.demo.server import local_session

ANSWER_SECONDS = 30.0
PICKUP_SECONDS = 60.0
ENDED = frozenset({"completed", "failed", "cancelled"})


class Stuck(Exception):
    """No worker does anything about the context."""


class Refused(Exception):
    """The API said no; the message is its own."""


class DemoClient:
    """Talks to the API of one server with one key."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._session = local_session()
        self._session.headers["Authorization"] = f"Bearer {key}"

    def post_context(self, document: dict[str, Any]) -> dict[str, Any]:
        """Submit a context and return it as stored.

        Raises:
            Refused: the API answered with a problem.
        """
        return self._read(self._session.post(f"{self._url}/api/contexts", json=document, timeout=ANSWER_SECONDS))

    def get_context(self, context_id: str) -> dict[str, Any]:
        """Return a context as it is now.

        Raises:
            Refused: the API answered with a problem.
        """
        return self._read(self._session.get(f"{self._url}/api/contexts/{context_id}", timeout=ANSWER_SECONDS))

    def follow(
        self, context: dict[str, Any], *, look_again: Callable[[], None], patience_seconds: float
    ) -> Iterator[dict[str, Any]]:
        """Yield the context whenever it has changed, its end included.

        Args:
            look_again: called between two looks.
            patience_seconds: how long a context that is worked on may stay as it is.

        Raises:
            Stuck: nothing has happened for too long.
        """
        yield context
        changed_at = time.monotonic()
        while context["status"] not in ENDED:
            look_again()
            latest = self.get_context(context["id"])
            if _shown(latest) != _shown(context):
                changed_at = time.monotonic()
                yield latest
            context = latest
            patience = PICKUP_SECONDS if context["status"] == "pending" else patience_seconds
            if time.monotonic() - changed_at > patience:
                raise Stuck(f"{context['id']} has been {context['status']} for {patience:g} s without a change.")

    @staticmethod
    def _read(answer: requests.Response) -> dict[str, Any]:
        if answer.ok:
            document: dict[str, Any] = answer.json()
            return document
        try:
            said = answer.json()
            raise Refused(f"{said['title']} ({answer.status_code}): {said['detail']}")
        except (ValueError, KeyError, TypeError) as exc:
            raise Refused(f"The server answered {answer.status_code} {answer.reason}.") from exc


def _shown(context: dict[str, Any]) -> tuple[Any, ...]:
    return context["revision"], context["status"], context["waiting_for"]
