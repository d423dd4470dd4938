"""What workers say of themselves in Redis comes and goes with them."""

import asyncio
import time
from typing import Any

import orjson
import pytest
from django_redis import get_redis_connection

from contexts.engine.claims import worker_register
from contexts.engine.drain import Drain
from contexts.engine.listener import Listener
from contexts.engine.reaper import worker_bury
from contexts.engine.run import run_drain
from contexts.engine.vital_signs import Doing, vital_signs_note, vital_signs_of
from contexts.models import Worker

pytestmark = pytest.mark.django_db(transaction=True)


def test_live_worker_says_what_it_does_until_it_stops(redis, monkeypatch, settings):
    settings.HEARTBEAT_SECONDS = 1
    take_turn, finish = Drain._take_turn, Drain._finish
    said: list[dict[str, Any]] = []

    async def says(drain: Drain, doing: Doing) -> None:
        deadline = time.monotonic() + 5
        while (signs := vital_signs_of([drain._token]).get(drain._token, {})).get("status") != doing:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        said.append(signs)

    async def look_and_take_turn(drain: Drain, listener: Listener) -> int:
        await says(drain, Doing.CLAIMING)
        return await take_turn(drain, listener)

    async def look_and_finish(drain: Drain) -> None:
        await says(drain, Doing.FINISHING)
        await finish(drain)

    monkeypatch.setattr(Drain, "_take_turn", look_and_take_turn)
    monkeypatch.setattr(Drain, "_finish", look_and_finish)
    run_drain(until_idle=True)
    worker = Worker.objects.get()
    assert [(signs["host"], signs["pid"], signs["in_flight"]) for signs in said] == [(worker.host, worker.pid, 0)] * 2
    assert vital_signs_of([worker.pk]) == {}


def test_key_is_the_one_that_is_documented_and_ends_after_a_minute(redis):
    vital_signs_note("wrk_1", Doing.FINISHING, in_flight=7)
    key = "draftline:worker_heartbeat:wrk_1"
    signs = orjson.loads(get_redis_connection().get(key))
    assert sorted(signs) == ["host", "in_flight", "last_seen", "pid", "status"]
    assert (signs["status"], signs["in_flight"]) == ("finishing", 7)
    assert 55 < get_redis_connection().ttl(key) <= 60


def test_worker_that_is_buried_says_nothing_more(redis):
    worker = worker_register()
    vital_signs_note(worker, Doing.CLAIMING, in_flight=1)
    worker_bury(worker)
    assert vital_signs_of([worker]) == {}


def test_without_redis_the_rows_must_do(redis):
    redis.kill()
    vital_signs_note("wrk_1", Doing.CLAIMING, in_flight=1)
    assert vital_signs_of(["wrk_1"]) == {}
    run_drain(until_idle=True)
