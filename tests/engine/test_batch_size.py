"""A worker takes fewer contexts while its loop lags, and more again when it keeps up."""

import pytest

from contexts.engine.batch_size import LAG_SECONDS, BatchSize


class Watch:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


def after(size: BatchSize, watch: Watch, lag: float, seconds: int) -> int:
    for _ in range(seconds):
        watch.now += 1.0
        size.note_lag(lag)
    return size.size


def test_it_starts_at_the_most(watch):
    assert BatchSize(512, watch).size == 512


def test_lag_halves_it_once_a_second_down_to_a_least(watch):
    size = BatchSize(512, watch)
    watch.now = 1.0
    assert size.note_lag(2.0)
    assert not size.note_lag(2.0), "within the same second"
    assert size.size == 256
    assert after(size, watch, LAG_SECONDS + 0.1, 20) == 16


def test_it_grows_back_to_the_most(watch):
    size = BatchSize(512, watch)
    after(size, watch, 5.0, 10)
    assert 18 <= after(size, watch, 0.2, 1) < 30
    assert after(size, watch, 0.2, 60) == 512


def test_small_worker_is_never_asked_for_less_than_nothing(watch):
    size = BatchSize(3, watch)
    assert after(size, watch, 5.0, 5) == 3
