"""A client that waits and follows, as client apps do."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import httpx
from httpx_sse import EventSource, ServerSentEvent

from tests.durability.installation import Installation

SILENCE_SECONDS = 40.0  # a stream says something every 15 s


class Follower:
    """Talks to an installation over connections of its own; any number of threads may."""

    def __init__(self, installation: Installation, key: str = "") -> None:
        self._client = httpx.Client(
            base_url=f"{installation.url}/api/",
            headers={"Authorization": f"Bearer {key}" if key else installation.authorization},
            timeout=httpx.Timeout(SILENCE_SECONDS, pool=None),
            limits=httpx.Limits(max_connections=None),
        )

        self._open = ExitStack()
        self._kept: list[Iterator[ServerSentEvent]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self._open.close()
        self._client.close()

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self._client.get(path, headers=headers)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self._client.post(path, json=body, headers=headers)

    @contextmanager
    def stream(self, path: str, last_event_id: str | None = None) -> Iterator[Iterator[ServerSentEvent]]:
        """Open a stream and give its events as they come."""
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        with self._client.stream("GET", path, headers=headers) as response:
            assert response.status_code == 200, response.read()
            yield EventSource(response).iter_sse()

    def keep_open(self, path: str) -> None:
        """Open a stream, wait for its first event, and leave it open as long as this client lives."""
        events = self._open.enter_context(self.stream(path))
        next(events)
        self._kept.append(events)  # forgotten, they would close the stream

    def events(self, path: str, last_event_id: str | None = None) -> list[ServerSentEvent]:
        """Follow a stream to its end."""
        with self.stream(path, last_event_id) as events:
            return list(events)


def told(event: ServerSentEvent) -> tuple[int, str, str]:
    """What an event says: revision, kind, and the status or the step."""
    data = json.loads(event.data)
    return data["revision"], event.event, data["status"] if event.event == "status" else data["step"]["key"]
