"""What processes share is at most half a second old, whoever is slow or stands still."""

import time
from collections.abc import Callable

import pytest
from django_redis import get_redis_connection

from base import redis_link
from base.redis_link import Breaker
from base.shared_answers import KEPT_MS, SharedAnswers

pytestmark = pytest.mark.django_db(transaction=True)  # what is forgotten waits for the end of a transaction


class Truth:
    """Stands for the database: what it says, and how often it was asked."""

    def __init__(self) -> None:
        self.says = "old"
        self.asked = 0

    def read(self) -> str:
        self.asked += 1
        return self.says


def read_and(truth: Truth, meanwhile: Callable[[], None]) -> Callable[[], str]:
    """Return a reader to whom something happens between its reading and its answer."""

    def read() -> str:
        found = truth.read()
        meanwhile()
        return found

    return read


def let_pass(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.01)


def test_another_process_need_not_ask_the_database(redis):
    truth = Truth()
    for _ in range(3):
        answers = SharedAnswers("kind")  # shares nothing with the others but Redis
        assert answers.get({"who": "one"}, truth.read) == "old"
    assert truth.asked == 1
    assert SharedAnswers("kind").get({"who": "other"}, truth.read) == "old"
    assert truth.asked == 2


def test_every_key_has_the_prefix_and_an_end(redis):
    answers = SharedAnswers("kind")
    answers.get("question", lambda: "answer")
    answers.forget()
    keys = get_redis_connection().keys()
    assert len(keys) == 2
    for key in keys:
        assert key.startswith(b"draftline:kind:")
        assert 0 < get_redis_connection().pttl(key) <= 4 * KEPT_MS


def test_what_was_forgotten_is_told_to_nobody(redis):
    truth, answers = Truth(), SharedAnswers("kind")
    answers.get("question", truth.read)
    truth.says = "new"
    answers.forget()
    assert SharedAnswers("kind").get("question", truth.read) == "new"


def test_slow_reader_does_not_bring_back_what_was_forgotten(redis):
    truth, answers = Truth(), SharedAnswers("kind")

    def change() -> None:
        truth.says = "new"
        answers.forget()

    assert answers.get("question", read_and(truth, change)) == "old"
    assert SharedAnswers("kind").get("question", truth.read) == "new"


def test_slow_reader_is_too_late_where_nobody_could_forget(redis):
    truth = Truth()
    assert SharedAnswers("kind").get("question", read_and(truth, lambda: let_pass(KEPT_MS / 1000))) == "old"
    truth.says = "new"
    assert SharedAnswers("kind").get("question", truth.read) == "new"


def test_answer_that_redis_takes_late_is_dead_on_arrival(redis, monkeypatch):
    truth = Truth()
    assert SharedAnswers("kind").get("question", read_and(truth, redis.pause)) == "old"  # gives up, but has sent it
    let_pass(KEPT_MS / 1000)
    truth.says = "new"
    redis.resume()
    monkeypatch.setattr(redis_link, "breaker", Breaker())  # ask it at once, before anything can run out
    assert SharedAnswers("kind").get("question", truth.read) == "new"


def test_without_redis_the_database_is_asked(redis):
    redis.kill()
    truth, answers = Truth(), SharedAnswers("kind")
    assert [answers.get("question", truth.read) for _ in range(2)] == ["old", "old"]
    assert truth.asked == 2


def test_what_does_not_exist_is_asked_for_each_time(redis):
    answers = SharedAnswers("kind")
    assert answers.get("question", lambda: None) is None
    assert answers.get("question", lambda: "there now") == "there now"
