"""Redis goes away, stands still and comes back under open streams and waits: nobody misses an event."""

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.durability.installation import Installation, wait_until
from tests.fakes.openai_server import FakeOpenAi
from tests.live.follower import Follower, told
from tests.live.test_context_events import WHOLE_RUN
from tests.stores.redis_server import RedisServer

pytestmark = [pytest.mark.durability, pytest.mark.timeout(300)]

CONTEXTS = 5
PATIENCE_SECONDS = 40


class Crowd:
    """Somebody follows each context, somebody waits for each, and one follows the whole batch."""

    def __init__(self, installation: Installation, follower: Follower, threads: ThreadPoolExecutor) -> None:
        batch = installation.submit(CONTEXTS)
        self.ids = [context["id"] for context in installation.contexts(batch)]
        self.batch: Future[Any] = threads.submit(follower.events, f"batches/{batch}/events?last_event_id=1")
        self.streams = [threads.submit(follower.events, f"contexts/{id}/events") for id in self.ids]
        self.waits = [threads.submit(follower.get, f"contexts/{id}?wait=60") for id in self.ids]
        wait_until(
            lambda: all(row["revision"] == 3 for row in installation.contexts(batch)),
            seconds=PATIENCE_SECONDS,
            what="the model is asked for each",
        )

    def assert_all_was_told(self) -> None:
        for stream in self.streams:
            assert [told(event) for event in stream.result(PATIENCE_SECONDS)] == WHOLE_RUN
        assert {wait.result(PATIENCE_SECONDS).json()["status"] for wait in self.waits} == {"completed"}
        events = self.batch.result(PATIENCE_SECONDS)
        data = [json.loads(event.data) for event in events if event.event == "context"]
        assert {one["id"] for one in data if one["status"] == "completed"} == set(self.ids)
        assert json.loads(events[-1].data)["status"] == "completed"


@pytest.mark.parametrize("go_away", [RedisServer.kill, RedisServer.pause], ids=["killed", "stands still"])
def test_who_follows_and_waits_is_told_of_all_while_redis_is_away(
    with_redis: Installation, redis, model_server: FakeOpenAi, go_away: Callable[[RedisServer], None]
):
    model_server.hold()
    with Follower(with_redis) as follower, ThreadPoolExecutor(2 * CONTEXTS + 1) as threads:
        crowd = Crowd(with_redis, follower, threads)
        go_away(redis)
        model_server.release()
        crowd.assert_all_was_told()


def test_who_follows_and_waits_is_told_of_all_after_redis_came_back(with_redis: Installation, redis, model_server):
    model_server.hold()
    with Follower(with_redis) as follower, ThreadPoolExecutor(2 * CONTEXTS + 1) as threads:
        crowd = Crowd(with_redis, follower, threads)
        redis.kill()
        redis.start()
        model_server.release()
        crowd.assert_all_was_told()
