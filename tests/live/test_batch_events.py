"""The stream of a batch, from a real server beside real workers."""

import json

import pytest

from tests.live.follower import Follower

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]

CONTEXTS = 5


def test_stream_of_a_batch_tells_of_all_its_contexts_and_ends_with_it(installation, follower, model_server):
    model_server.hold()
    batch = installation.submit(CONTEXTS)
    with follower.stream(f"batches/{batch}/events") as events:
        first = next(event for event in events if event.event == "batch")
        assert json.loads(first.data)["total"] == CONTEXTS
        model_server.release()
        found = list(events)
    last = json.loads(found[-1].data)
    assert (found[-1].event, last["status"], last["counts"]["completed"]) == ("batch", "completed", CONTEXTS)
    told = [json.loads(event.data) for event in found if event.event == "context"]
    assert len([data for data in told if data["status"] == "completed"]) == CONTEXTS
    assert len({(data["id"], data["revision"], data["status"]) for data in told}) == len(told), "nothing comes twice"


def test_stream_resumes_at_any_event_without_a_gap(installation, follower, model_server):
    model_server.hold()
    batch = installation.submit(CONTEXTS)
    with follower.stream(f"batches/{batch}/events") as events:
        cursor = next(event for event in events if event.event == "batch").id
        model_server.release()
        whole = list(events)
    steps = {key_of(event.data) for event in whole if event.event == "context"}
    for id in {cursor, whole[len(whole) // 2].id}:
        again = follower.events(f"batches/{batch}/events", id)
        assert {key_of(event.data) for event in again if event.event == "context"} >= steps
        assert again[-1].id == whole[-1].id


def key_of(data: str) -> tuple[str, int, str]:
    event = json.loads(data)
    return event["id"], event["revision"], event.get("step", {}).get("key", "")


def test_nothing_is_to_come_after_the_end(installation, follower):
    batch = installation.submit(1)
    end = follower.events(f"batches/{batch}/events")[-1]
    answer = follower.get(f"batches/{batch}/events", **{"Last-Event-ID": end.id})
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Length" not in answer.headers
    ((only),) = follower.events(f"batches/{batch}/events")
    assert json.loads(only.data)["status"] == "completed", "who asks for the first time is told how it ended"


def test_id_that_is_none_is_refused(installation, follower: Follower):
    batch = installation.submit(1)
    answer = follower.get(f"batches/{batch}/events?last_event_id=x")
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, "?last_event_id")
    assert follower.get("batches/batch_none/events").status_code == 404
