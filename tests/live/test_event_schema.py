"""Every event of a real stream is what the OpenAPI document says of it."""

import json
from typing import Any

import pytest
from httpx_sse import ServerSentEvent
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.durability.installation import SEED, Installation
from tests.live.follower import Follower

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]


class Described:
    """The events that a stream may have, by what they are called."""

    def __init__(self, installation: Installation, path: str) -> None:
        document = installation.get("schema")
        self._components = document["components"]
        answer = document["paths"][path]["get"]["responses"]["200"]["content"]["text/event-stream"]["schema"]
        self._messages = self._named(answer)["discriminator"]["mapping"]

    def _named(self, part: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self._components["schemas"][part["$ref"].rpartition("/")[2]]
        return found

    def faults(self, event: ServerSentEvent) -> list[str]:
        """What is wrong with an event, and with what its data holds."""
        message = self._named({"$ref": self._messages[event.event]})
        sent: dict[str, Any] = {"event": event.event, "data": event.data, "id": event.id}
        if event.retry is not None:
            sent["retry"] = event.retry
        content = message["properties"]["data"]["contentSchema"]
        return [*self._wrong(message, sent), *self._wrong(content, json.loads(event.data))]

    def _wrong(self, part: dict[str, Any], value: Any) -> list[str]:
        whole = {**part, "components": self._components}
        return [error.message for error in Draft202012Validator(whole).iter_errors(value)]


@pytest.mark.parametrize("data", [SEED["data"], {"template_id": "tmpl_none"}], ids=["completes", "fails"])
def test_events_of_a_context_are_what_the_schema_says(installation: Installation, follower: Follower, data):
    described = Described(installation, "/api/contexts/{context_id}/events")
    context = follower.post("contexts", {**SEED, "data": data}).json()["id"]
    events = follower.events(f"contexts/{context}/events")
    assert {event.event for event in events} == {"status", "step"}
    assert [fault for event in events for fault in described.faults(event)] == []


def test_events_of_a_batch_are_what_the_schema_says(installation: Installation, follower: Follower, model_server):
    described = Described(installation, "/api/batches/{batch_id}/events")
    model_server.hold()
    batch = installation.submit(2)
    with follower.stream(f"batches/{batch}/events") as stream:
        events = [next(stream)]
        model_server.release()
        events += list(stream)
    assert {event.event for event in events} == {"context", "batch"}
    assert [fault for event in events for fault in described.faults(event)] == []
