"""The stream of one context: every change, in order, from any point on, whatever happens to the servers."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
from httpx_sse import ServerSentEvent

from tests.durability.installation import SEED, Installation, wait_until
from tests.live.follower import Follower, told

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]

WHOLE_RUN = [
    (1, "status", "pending"),
    (2, "status", "processing"),
    (3, "step", "template"),
    (4, "step", "ai_generator"),
    (5, "step", "transformer"),
    (5, "status", "completed"),
]


def submitted(follower: Follower, query: str = "") -> str:
    return str(follower.post(f"contexts{query}", SEED).json()["id"])


def read_until(events: Iterator[ServerSentEvent], revision: int) -> list[ServerSentEvent]:
    found = [next(events)]
    while told(found[-1])[0] < revision:
        found.append(next(events))
    return found


def test_stream_tells_a_run_as_it_happens_and_ends_with_it(follower, model_server):
    model_server.hold()
    context = submitted(follower)
    with follower.stream(f"contexts/{context}/events") as events:
        assert [told(event) for event in read_until(events, 3)] == WHOLE_RUN[:3]
        model_server.release()
        rest = list(events)
    assert [told(event) for event in rest] == WHOLE_RUN[3:]
    assert (rest[-1].id, rest[-1].retry) == ("5", 2000)


def test_events_say_what_happened(follower):
    context = submitted(follower, "?wait=30")
    events = [json.loads(event.data) for event in follower.events(f"contexts/{context}/events")]
    document = follower.get(f"contexts/{context}").json()
    step = events[2]
    assert (step["id"], step["status"], step["attempt"]) == (context, "processing", 1)
    assert step["step"]["wrote"] == ["template"]
    assert set(step["step"]) == {"key", "component", "outcome", "duration_ms", "wrote", "error"}
    assert (events[0]["at"], events[-1]["at"]) == (document["created_at"], document["updated_at"])


def test_stream_resumes_at_every_revision_with_exactly_the_rest(follower):
    context = submitted(follower, "?wait=30")
    for revision in range(5):
        rest = [told(event) for event in follower.events(f"contexts/{context}/events", str(revision))]
        assert rest == [event for event in WHOLE_RUN if event[0] > revision]


def test_nothing_is_to_come_after_the_end(follower):
    context = submitted(follower, "?wait=30")
    answer = follower.get(f"contexts/{context}/events?last_event_id=5")
    assert (answer.status_code, answer.content) == (204, b"")


def test_headers_keep_the_stream_out_of_caches(follower):
    context = submitted(follower, "?wait=30")
    answer = follower.get(f"contexts/{context}/events")
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.content.startswith(b": ")
    assert "ETag" not in answer.headers


def test_tag_does_not_end_a_stream_before_it_begins(follower):
    context = submitted(follower, "?wait=30")
    answer = follower.get(f"contexts/{context}/events", **{"If-None-Match": "*"})
    assert (answer.status_code, answer.content[:2]) == (200, b": ")


def test_failure_says_why(follower, model_server):
    context = str(follower.post("contexts", {**SEED, "data": {"template_id": "tmpl_none"}}).json()["id"])
    *_, step, status = follower.events(f"contexts/{context}/events")
    assert json.loads(step.data)["step"]["outcome"] == "failed"
    failed = json.loads(status.data)
    assert (failed["status"], failed["error"]["component"]) == ("failed", "template")
    assert failed["error"]["message"]


def test_killed_web_server_leaves_no_gap(installation, follower, model_server):
    model_server.hold()
    context = submitted(follower)
    seen: list[ServerSentEvent] = []
    with suppress(httpx.HTTPError), follower.stream(f"contexts/{context}/events") as events:
        seen += read_until(events, 3)
        (web,) = installation.processes("config.web")
        web.kill()
        seen += list(events)
        pytest.fail("a stream that is cut off does not look like one that has ended")
    model_server.release()
    wait_until(installation.is_ready, seconds=20, what="the web server is back")
    rest = follower.events(f"contexts/{context}/events", seen[-1].id)
    assert [told(event) for event in [*seen, *rest]] == WHOLE_RUN


def test_killed_worker_is_seen_and_survived(installation, follower, model_server):
    model_server.hold()
    context = submitted(follower)
    with follower.stream(f"contexts/{context}/events") as events:
        read_until(events, 3)
        (victim,) = [pid for pid in installation.drain_pids() if context in installation.held_by(pid)]
        os.kill(victim, signal.SIGKILL)
        model_server.release()
        rest = list(events)
    assert [told(event)[1:] for event in rest] == [
        ("status", "retrying"),
        ("status", "processing"),
        ("step", "ai_generator"),
        ("step", "transformer"),
        ("status", "completed"),
    ]
    assert json.loads(rest[0].data)["reason"] == "its worker died"
    assert [json.loads(event.data)["attempt"] for event in rest] == [1, 2, 2, 2, 2]


def test_server_that_stops_lets_streams_and_waits_end(tmp_path, model_server):
    with Installation(tmp_path, model_server) as installation, Follower(installation) as follower:
        model_server.hold()
        context = submitted(follower)
        ended: list[object] = []

        def follow() -> None:
            ended.append([told(event) for event in follower.events(f"contexts/{context}/events")][:2])

        def wait() -> None:
            ended.append(follower.get(f"contexts/{context}?wait=60").json()["status"])

        threads = [threading.Thread(target=follow), threading.Thread(target=wait)]
        for thread in threads:
            thread.start()
        wait_until(
            lambda: follower.get(f"contexts/{context}").json()["revision"] == 3, seconds=20, what="the model is asked"
        )
        (web,) = installation.processes("config.web")
        web.terminate()
        web.wait(timeout=3)
        for thread in threads:
            thread.join(timeout=10)
        assert sorted(map(str, ended)) == sorted(map(str, [WHOLE_RUN[:2], "processing"]))


@pytest.mark.parametrize("id", ["-1", "x", "1.5", "99", "0" * 20])
def test_id_that_is_none_is_refused(follower, id):
    context = submitted(follower, "?wait=30")
    by_query = follower.get(f"contexts/{context}/events?last_event_id={id}")
    assert (by_query.status_code, by_query.json()["errors"][0]["path"]) == (400, "?last_event_id")
    by_header = follower.get(f"contexts/{context}/events", **{"Last-Event-ID": id})
    assert (by_header.status_code, by_header.json()["errors"][0]["path"]) == (400, "Last-Event-ID")


def test_stream_of_nothing_is_a_problem(follower):
    answer = follower.get("contexts/ctx_none/events")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
