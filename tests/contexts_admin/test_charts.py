"""Charts as they are drawn: where bars and lines stand, and that the table says the same."""

import pytest

from contexts.admin.charts import (
    HEIGHT,
    LEFT,
    PLOT_HEIGHT,
    TOP,
    WIDTH,
    Column,
    Figures,
    Series,
    bar_chart,
    line_chart,
    nice_top,
)
from contexts.admin.home_charts import _short_count, _short_time, _time_top
from contexts.admin.texts import ago_text, percent_text

DAYS = ["27 Nov", "28 Nov", "29 Nov"]


def words(number: float) -> str:
    return f"{number:g}"


def test_bars_of_a_place_stand_upon_each_other():
    series = [Series("completed", "completed", [6, 0, 2]), Series("failed", "failed", [2, 0, 0])]
    chart = bar_chart(Figures("ended", "Ended", DAYS, series, words, words, [Column("tokens", ["1", "2", "3"])]))
    first, second, last = chart.bars
    assert first.x == second.x < last.x
    assert second.y + second.height == pytest.approx(first.y)
    assert first.y + first.height == pytest.approx(TOP + PLOT_HEIGHT), "on the ground"
    assert (first.said, second.said) == ("27 Nov, completed: 6", "27 Nov, failed: 2")
    assert chart.rows[0] == ("27 Nov", ["6", "2", "1"])
    assert chart.head == ["completed", "failed", "tokens"]
    assert [label.text for label in chart.up] == ["0", "5", "10"]
    assert all(LEFT <= bar.x <= bar.x + bar.width <= WIDTH and TOP <= bar.y <= HEIGHT for bar in chart.bars)


def test_a_line_is_broken_where_nothing_is_known():
    series = [Series("a", "info", [1, None, 2, 3])]
    chart = line_chart(Figures("x", "X", [*DAYS, "30 Nov"], series, words, words), top=5)
    (line,) = chart.lines
    assert len(line.dots) == 3
    assert len(line.paths) == 1, "one dot alone is no line"
    assert chart.rows[1] == ("28 Nov", [""])


def test_an_empty_chart_says_so():
    series = [Series("a", "info", [0, None, 0])]
    assert bar_chart(Figures("x", "X", DAYS, series, words, words)).is_empty
    assert not bar_chart(Figures("x", "X", DAYS, [Series("a", "info", [0, 0, 1])], words, words)).is_empty


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (0.03, 0.05), (1, 1), (1.1, 2), (3, 5), (7, 10), (10, 10), (11, 20), (999, 1000)]
)
def test_axes_end_at_numbers_that_read_well(most, top):
    assert nice_top(most) == pytest.approx(top)


def test_axes_have_short_words():
    assert [_short_count(number) for number in (0.5, 250, 5000, 20_000, 1_500_000)] == [
        "0.5",
        "250",
        "5000",
        "20k",
        "1.5M",
    ]
    assert [_short_time(number) for number in (0, 500, 2_000, 120_000)] == ["0 ms", "500 ms", "2 s", "2 min"]
    assert [_time_top([found]) for found in (None, 150, 9_000, 61_000)] == [200, 200, 10_000, 120_000]


def test_shares_and_times_are_told_in_words():
    assert [percent_text(share) for share in (None, 0.0, 1.0, 0.5, 0.9999)] == ["", "0 %", "100 %", "50.0 %", "99.9 %"]
    assert [ago_text(seconds) for seconds in (-3, 59, 60, 7200, 200_000)] == ["0 s", "59 s", "1 min", "2 h", "2 days"]
