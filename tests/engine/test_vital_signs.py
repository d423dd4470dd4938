"""What workers say of themselves in Redis comes and goes with them."""

import time

import orjson
import pytest
from django_redis import get_redis_connection

from contexts.engine.claims import worker_register
from contexts.engine.drain import Drain
from contexts.engine.reaper import worker_bury
from contexts.engine.run import run_drain
from contexts.engine.vital_signs import Doing, vital_signs_note, vital_signs_of
from contexts.models import Worker

pytestmark = pytest.mark.django_db(transaction=True)


def test_live_worker_is_heard_of_until_it_stops(redis, monkeypatch):
    said = []
    finish = Drain._finish

    async def look_and_finish(drain: Drain) -> None:
        worker = await drain._store.run(Worker.objects.get)
        deadline = time.monotonic() + 5
        while not (signs := vital_signs_of([worker.pk])):
            assert time.monotonic() < deadline
        said.append(signs[worker.pk] | {"worker": worker})
        await finish(drain)

    monkeypatch.setattr(Drain, "_finish", look_and_finish)
    run_drain(until_idle=True)
    worker = said[0]["worker"]
    assert (said[0]["host"], said[0]["pid"], said[0]["in_flight"]) == (worker.host, worker.pid, 0)
    assert said[0]["status"] in set(Doing)
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
