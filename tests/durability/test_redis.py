"""Redis is killed, stands still or comes back empty under load: nothing is lost, nobody notices but the log."""

import os
import re
import signal
import time
from contextlib import suppress

import pytest
import requests
from redis import Redis

from tests.docs.pages import section, table_rows
from tests.durability.client import Client
from tests.durability.installation import SEED, Installation, wait_until
from tests.durability.seed import ROOT
from tests.fakes.openai_server import FakeOpenAi
from tests.stores.redis_server import RedisServer

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]

BACK_WITHIN_SECONDS = 5.0
AWAY_SECONDS = 3.0
CONTEXTS = 300


def is_told(installation: Installation) -> bool:
    return bool(requests.get(f"{installation.url}/readyz", timeout=10).json()["cache"] == "ok")


def seconds_until_back(installation: Installation, redis_url: str) -> float:
    """Return how long it took until the web and both clusters spoke with a Redis that has just come back."""
    began = time.monotonic()
    with Redis.from_url(redis_url) as connection:
        connection.flushdb()  # what is there afterwards was written afterwards
        wait_until(
            lambda: is_told(installation) and len(connection.keys("draftline:1:django_q:draftline:cluster:*")) == 2,
            seconds=BACK_WITHIN_SECONDS,
            what="web and clusters use Redis again",
        )
    return time.monotonic() - began


def killed(redis: RedisServer) -> None:
    redis.kill()
    time.sleep(AWAY_SECONDS)  # that long it is away
    redis.start()


def killed_and_empty(redis: RedisServer) -> None:
    redis.kill()
    for file in (redis.folder / "appendonlydir").iterdir():
        file.unlink()
    redis.start()


def stood_still(redis: RedisServer) -> None:
    redis.pause()
    time.sleep(AWAY_SECONDS)  # that long it answers nobody, and no connection breaks
    redis.resume()


def test_redis_that_comes_and_goes_under_load_loses_nothing(with_redis, redis, model_server: FakeOpenAi):
    model_server.latency_seconds = 0.3
    with Client(with_redis) as client:
        batches = []
        for trouble in (killed, killed, killed_and_empty, stood_still):
            batches.append(with_redis.submit(CONTEXTS // 4))
            trouble(redis)
            print(f"{trouble.__name__}: back after {seconds_until_back(with_redis, redis.url()):.2f} s")
    print(f"accepted {len(client.accepted)}, refused {dict(client.refused)}, broken off {client.broken}")
    assert not client.refused
    assert not client.broken
    for batch in batches:
        assert with_redis.wait_for_end(batch, seconds=60)["completed"] == CONTEXTS // 4
        assert {context["attempts"] for context in with_redis.contexts(batch)} == {1}
    wait_until(
        lambda: all(with_redis.get(f"contexts/{pk}")["status"] == "completed" for pk in client.accepted),
        seconds=60,
        what="what was accepted completes",
    )
    assert {with_redis.get(f"contexts/{pk}")["attempts"] for pk in client.accepted} == {1}
    assert "Traceback" not in (with_redis.data_dir / "server.log").read_text()


def documented_keys() -> re.Pattern[str]:
    cells = [cell for cell, *_ in table_rows(section(ROOT / "docs" / "operate.md", "Redis"))]
    forms = [form for cell in cells for form in re.findall(r"`([^`]+)`", cell)]
    return re.compile("|".join(re.sub(r"\\{[^}]*\\}", ".+", re.escape(form)) for form in forms))


def test_every_key_is_documented(with_redis, redis):
    awaited = {"template", "worker_heartbeat", "1"}
    seen: set[str] = set()
    with_redis.submit(5)
    with Redis.from_url(redis.url(), decode_responses=True) as connection:

        def all_were_seen() -> bool:
            seen.update(connection.keys())
            return awaited <= {key.split(":")[1] for key in seen}

        wait_until(all_were_seen, seconds=30, what="keys of each kind are in Redis")
    documented = documented_keys()
    assert [key for key in seen if not documented.fullmatch(key)] == []


def test_worker_that_dies_while_redis_is_away_is_replaced(with_redis, redis):
    redis.kill()
    for pid in with_redis.drain_pids():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    context = with_redis.post("contexts", {**SEED, "pipeline": ["template"]})
    wait_until(
        lambda: with_redis.get(f"contexts/{context['id']}")["status"] == "completed",
        seconds=30,
        what="a new worker was started without Redis, and did it",
    )


def test_installation_starts_without_its_redis(tmp_path, model_server, redis):
    own_url = redis.url(1)
    redis.kill()
    with Installation(tmp_path, model_server, REDIS_URL=own_url, WORKERS="1") as running:
        running.wait_for_drains(1)
        batch = running.submit(10)
        assert running.wait_for_end(batch, seconds=30)["completed"] == 10
        redis.start()
        print(f"taken up after {seconds_until_back(running, own_url):.2f} s")
