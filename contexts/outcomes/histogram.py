"""How long things took, as numbers in fixed buckets: of any two sums of them the percentiles can be told. Pure.

Each bucket is a fifth wider than the one before it, and stands for its middle: that is at most 10 % off.
"""

from collections.abc import Mapping
from math import floor, log, sqrt

GROWTH = 1.2
LAST = 120  # from there on: 37 days and more

Histogram = Mapping[int, int]


def bucket_of(milliseconds: int) -> int:
    """Return the bucket that a duration belongs to; what is under a millisecond is in the first one."""
    return min(LAST, floor(log(max(1, milliseconds), GROWTH) + 1e-9))


def middle_of(bucket: int) -> int:
    """Return the milliseconds that a bucket stands for."""
    return round(GROWTH**bucket * sqrt(GROWTH))


def percentile(histogram: Histogram, percent: int) -> int | None:
    """Return how many milliseconds that many percent took at most; None where nothing was counted."""
    rank = -(-sum(histogram.values()) * percent // 100)
    for bucket in sorted(histogram):
        rank -= histogram[bucket]
        if rank <= 0:
            return middle_of(bucket)
    return None
