"""``?wait=``: an answer that comes when the context ends, from real servers and workers."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.durability.installation import SEED, wait_until

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]


def test_submission_that_waits_answers_with_the_finished_context(follower):
    answer = follower.post("contexts?wait=30", SEED)
    document = answer.json()
    assert (answer.status_code, document["status"]) == (201, "completed")
    assert answer.headers["Location"] == f"/api/contexts/{document['id']}"
    assert document["data"]["formatted_content"]["content"]
    assert answer.headers["X-Frame-Options"] == "DENY", "what every answer has, this one has too"


def test_answer_comes_when_the_context_ends_and_not_later(follower, model_server):
    model_server.hold()
    context = follower.post("contexts", SEED).json()["id"]
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(lambda: (follower.get(f"contexts/{context}?wait=30"), time.monotonic()))
        wait_until(
            lambda: follower.get(f"contexts/{context}").json()["revision"] == 3, seconds=20, what="the model is asked"
        )
        assert not waiting.done()
        began = time.monotonic()
        model_server.release()
        answer, answered_at = waiting.result()
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert answered_at - began < 5, "it does not sit out its patience"


def test_patience_that_is_over_gets_the_present_state(follower, model_server):
    model_server.hold()
    began = time.monotonic()
    answer = follower.post("contexts?wait=0.5", SEED)
    assert (answer.status_code, answer.json()["status"]) == (201, "processing")
    assert 0.5 <= time.monotonic() - began < 5
    again = follower.get(f"contexts/{answer.json()['id']}?wait=0.2")
    assert (again.status_code, again.json()["status"]) == (200, "processing")


def test_cancelled_context_ends_its_wait(follower, model_server):
    model_server.hold()
    context = follower.post("contexts", SEED).json()["id"]
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(follower.get, f"contexts/{context}?wait=60")
        assert follower.post(f"contexts/{context}/cancel", {}).status_code == 202
        assert waiting.result(timeout=20).json()["status"] == "cancelled"


def test_replay_waits_too(follower, model_server):
    model_server.hold()
    first = follower.post("contexts", SEED, **{"Idempotency-Key": "replayed-wait"})
    with ThreadPoolExecutor(1) as thread:
        replay = thread.submit(follower.post, "contexts?wait=60", SEED, **{"Idempotency-Key": "replayed-wait"})
        model_server.release()
        answer = replay.result(timeout=30)
    assert (answer.status_code, answer.json()["status"]) == (201, "completed")
    assert answer.json()["id"] == first.json()["id"]
    assert answer.headers["Idempotency-Replayed"] == "true"


def test_wait_is_not_cut_short_by_a_tag_and_answers_with_its_own(follower, model_server):
    model_server.hold()
    context = follower.post("contexts", SEED).json()["id"]
    path = f"contexts/{context}?wait=0.3"
    wait_until(
        lambda: follower.get(f"contexts/{context}").json()["revision"] == 3, seconds=20, what="the model is asked"
    )
    working = follower.get(path)
    assert working.headers["ETag"] == follower.get(f"contexts/{context}").headers["ETag"]
    assert working.headers["Cache-Control"] == "private, no-cache"
    began = time.monotonic()
    unchanged = follower.get(path, **{"If-None-Match": working.headers["ETag"]})
    assert time.monotonic() - began >= 0.3
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["ETag"] == working.headers["ETag"]
    assert "Content-Length" not in unchanged.headers
    with ThreadPoolExecutor(1) as thread:
        patient = {"If-None-Match": working.headers["ETag"]}
        waiting = thread.submit(follower.get, f"contexts/{context}?wait=60", **patient)
        model_server.release()
        ended = waiting.result(timeout=30)
    assert (ended.status_code, ended.json()["status"]) == (200, "completed")
    assert ended.headers["ETag"] not in ("", working.headers["ETag"])


def test_many_who_wait_take_no_thread_from_the_others(follower, model_server):
    model_server.hold()
    context = follower.post("contexts", SEED).json()["id"]
    with ThreadPoolExecutor(60) as threads:
        waiting = [threads.submit(follower.get, f"contexts/{context}?wait=60") for _ in range(60)]
        for _ in range(20):
            assert follower.get(f"contexts/{context}").json()["status"] == "processing"
        assert not any(one.done() for one in waiting)
        model_server.release()
        assert {one.result(timeout=30).json()["status"] for one in waiting} == {"completed"}


@pytest.mark.parametrize("wait", ["-1", "61", "soon", "nan", ""])
def test_wait_that_is_none_is_refused(follower, wait):
    for answer in (follower.get(f"contexts/ctx_none?wait={wait}"), follower.post(f"contexts?wait={wait}", SEED)):
        assert answer.status_code == 400
        assert [fault["path"] for fault in answer.json()["errors"]] == ["?wait"]
