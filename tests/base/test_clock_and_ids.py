"""Times and ids."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from base import clock
from base.ids import ID_MAX_LENGTH, new_id


def test_now_is_aware_and_cut_to_milliseconds():
    assert clock.now().tzinfo is UTC
    assert clock.now().microsecond % 1000 == 0


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2023, 5, 15, 10, 30, tzinfo=UTC), "2023-05-15T10:30:00Z"),
        (datetime(2023, 5, 15, 10, 30, 0, 120_000, tzinfo=UTC), "2023-05-15T10:30:00.120Z"),
        (datetime(2023, 5, 15, 12, 30, tzinfo=timezone(timedelta(hours=2))), "2023-05-15T10:30:00Z"),
    ],
)
def test_times_are_written_as_the_seed_has_them(moment, expected):
    assert clock.to_iso(moment) == expected
    assert clock.from_iso(expected) == moment


def test_ids_tell_their_kind_and_sort_by_time():
    made = [new_id("ctx") for _ in range(100)]
    assert all(name.startswith("ctx_") and len(name) <= ID_MAX_LENGTH for name in made)
    assert len(set(made)) == 100
