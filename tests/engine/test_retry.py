"""When a failed context is tried again."""

from datetime import timedelta

import pytest

from contexts.engine.retry import RetryPolicy, retry_delay

EXACT = RetryPolicy(jitter=0)


@pytest.mark.parametrize(("retry_count", "seconds"), [(0, 5), (1, 15), (2, 30)])
def test_delays_grow(retry_count: int, seconds: int):
    assert retry_delay(retryable=True, retry_count=retry_count, policy=EXACT) == timedelta(seconds=seconds)


def test_fourth_retry_is_none():
    assert retry_delay(retryable=True, retry_count=3, policy=EXACT) is None


def test_permanent_error_is_never_retried():
    assert retry_delay(retryable=False, retry_count=0, policy=EXACT) is None


def test_jitter_stays_within_a_fifth():
    delays = {retry_delay(retryable=True, retry_count=0, policy=RetryPolicy()) for _ in range(200)}
    assert len(delays) > 100
    assert all(delay and timedelta(seconds=4) <= delay <= timedelta(seconds=6) for delay in delays)


@pytest.mark.parametrize(("asked", "seconds"), [(2.5, 2.5), (-3, 0), (1e9, 3600)])
def test_provider_says_when_within_an_hour(asked: float, seconds: float):
    delay = retry_delay(retryable=True, retry_count=0, policy=EXACT, retry_after=asked)
    assert delay == timedelta(seconds=seconds)
