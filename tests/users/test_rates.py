"""How a rate is counted, in Redis and in one process: never too much, whoever comes at once."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest
from django_redis import get_redis_connection

from base.ids import new_id
from users.rates import ProcessCounts, Rate, rate_of, request_count

MINUTE = Rate(3, 60)


@pytest.fixture(params=["process", "redis"])
def store(request) -> str:
    if request.param == "redis":
        request.getfixturevalue("redis")
    return str(request.param)


@pytest.mark.parametrize(
    ("text", "rate"), [("100/min", Rate(100, 60)), ("1/sec", Rate(1, 1)), ("9/day", Rate(9, 86_400))]
)
def test_a_rate_is_read(text, rate):
    assert rate_of(text) == rate


@pytest.mark.parametrize("text", ["", "0/min", "5/week", "5", "-1/min", "1.5/min", "٣/min"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(ValueError, match="is no rate"):
        rate_of(text)


def test_what_is_left_is_told(store):
    key = new_id("key")
    counts = [request_count(key, MINUTE) for _ in range(5)]
    assert [count.is_let_through for count in counts] == [True, True, True, False, False]
    assert [count.left for count in counts] == [2, 1, 0, 0, 0]
    assert all(0 < count.more_in_seconds <= 61 for count in counts)


def test_threads_that_come_at_once_get_no_more_than_the_rate(store):
    key, rate = new_id("key"), Rate(50, 3600)
    with ThreadPoolExecutor(20) as threads:
        counts = list(threads.map(lambda _: request_count(key, rate), range(400)))
    assert sum(count.is_let_through for count in counts) == 50
    assert sorted(count.left for count in counts if count.is_let_through) == list(range(50))


class SlowToRead(dict[str, dict[int, int]]):
    """Lets the other threads run between what is read and what is written."""

    def get(self, *args: Any) -> Any:
        found = super().get(*args)
        time.sleep(0.002)
        return found


def test_nobody_slips_in_between_what_is_read_and_what_is_written():
    counts = ProcessCounts()
    counts._slices = SlowToRead()
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: counts.take("a", Rate(5, 3600)), range(40)))
    assert sum(is_let_through for is_let_through, _, _ in answers) == 5


def test_keys_and_windows_are_counted_apart(store):
    one, other = new_id("key"), new_id("key")
    assert request_count(one, Rate(1, 60)).is_let_through
    assert request_count(other, Rate(1, 60)).is_let_through
    assert request_count(one, Rate(1, 3600)).is_let_through
    assert not request_count(one, Rate(1, 60)).is_let_through


def test_redis_forgets_a_key_that_asks_no_more(redis):
    request_count("key_a", Rate(5, 60))
    assert 60_000 <= get_redis_connection().pttl("draftline:key_rate:key_a:60") <= 61_000


def test_redis_counts_a_window_again_when_it_is_over(redis):
    key, rate = new_id("key"), Rate(1, 1)
    assert request_count(key, rate).is_let_through
    began, refused = time.monotonic(), 0
    while not request_count(key, rate).is_let_through:
        refused += 1
        assert time.monotonic() < began + 10
    assert refused
    assert time.monotonic() - began > 0.9


def at(seconds: float) -> "mock._patch[mock.Mock]":
    return mock.patch("users.rates.time.monotonic_ns", return_value=int(seconds * 1e9))


def test_no_window_of_the_rates_length_ever_holds_more_than_the_rate():
    """Ask every half second for five minutes, and slide the window over what was let through."""
    counts, let_through = ProcessCounts(), []
    for step in range(600):
        with at(1000 + step / 2):
            if counts.take("a", Rate(7, 60))[0]:
                let_through.append(step / 2)
    for first in let_through:
        assert sum(first <= moment < first + 60 for moment in let_through) <= 7
    assert len(let_through) >= 7 * 4


def test_a_refused_client_that_waits_as_told_is_let_in():
    counts = ProcessCounts()
    with at(1000.3):
        counts.take("a", Rate(1, 60))
        refused = counts.take("a", Rate(1, 60))
    with at(1000.3 + refused[2] / 1e6 - 0.01):
        assert not counts.take("a", Rate(1, 60))[0]
    with at(1000.3 + refused[2] / 1e6):
        assert counts.take("a", Rate(1, 60))[0]
