"""Redis may be away at any moment: nobody waits for it twice, and it is taken up again by itself."""

import logging
import os
import time

from django.core.cache import cache

from base.redis_link import LEAVE_ALONE_SECONDS, Breaker, ask


def answers() -> bool:
    return ask(lambda redis: redis.ping(), False)


def test_without_redis_the_other_answer_holds(settings):
    settings.REDIS_URL = ""
    assert not answers()


def test_redis_that_was_killed_is_taken_up_again(redis, caplog):
    assert answers()
    redis.kill()
    with caplog.at_level(logging.WARNING):
        assert not any(answers() for _ in range(50))
    assert [record.message.split()[0] for record in caplog.records] == ["redis_away"]
    redis.start()
    deadline = time.monotonic() + 5
    while not answers():
        assert time.monotonic() < deadline


def test_redis_that_hangs_is_waited_for_once(redis):
    assert answers()
    redis.pause()
    began = time.monotonic()
    assert not any(answers() for _ in range(100))
    assert time.monotonic() - began < LEAVE_ALONE_SECONDS


def test_while_it_is_away_one_question_goes_through_now_and_then():
    now = [100.0]
    breaker = Breaker(clock=lambda: now[0])
    assert breaker.lets_through()
    breaker.note_failure(ConnectionError())
    assert not breaker.lets_through()
    now[0] += LEAVE_ALONE_SECONDS
    assert [breaker.lets_through() for _ in range(3)] == [True, False, False]
    breaker.note_answer()
    assert breaker.lets_through()


def test_cache_whose_redis_is_away_fails_nobody(redis):
    cache.set("key", ["value"])
    assert cache.get("key") == ["value"]
    redis.kill()
    cache.set("key", "other")
    assert cache.get("key", "default") == "default"


def test_child_does_not_speak_on_its_parents_connection(redis):
    parents = connection_id()
    if (child := os.fork()) == 0:
        os._exit(0 if connection_id() not in (0, parents) else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert connection_id() == parents


def connection_id() -> int:
    return int(ask(lambda redis: redis.client_id(), 0))
