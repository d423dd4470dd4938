"""Percentiles from numbers in buckets."""

import random
from collections import Counter

import pytest

from contexts.outcomes.histogram import LAST, bucket_of, middle_of, percentile


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("percent", [50, 95])
def test_percentiles_of_sums_are_within_ten_percent(seed, percent):
    chance = random.Random(seed)
    took = [round(chance.lognormvariate(8, 2)) + 5 for _ in range(2_000)]
    parts = [Counter(map(bucket_of, took[start::3])) for start in range(3)]
    exact = sorted(took)[-(-len(took) * percent // 100) - 1]
    found = percentile(sum(parts, Counter()), percent)
    assert found == pytest.approx(exact, rel=0.1)


def test_every_duration_has_a_bucket():
    assert bucket_of(0) == bucket_of(1) == 0
    assert bucket_of(10**12) == LAST
    assert all(bucket_of(middle_of(bucket)) == bucket for bucket in range(12, LAST))


def test_of_nothing_there_is_no_percentile():
    assert percentile({}, 50) is None
