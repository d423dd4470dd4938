"""Draws charts on the server, as SVG: they print, and need no script. Each is a table too. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import floor, log10

# in the units of the drawing; the page scales it
WIDTH, HEIGHT = 400, 150
LEFT, TOP, RIGHT, BOTTOM = 44, 10, 6, 20
PLOT_WIDTH, PLOT_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
GAP = 0.25  # of a bar's room
LABELS = 7  # as many fit beside each other

Number = float | None
Words = Callable[[float], str]


@dataclass(frozen=True)
class Series:
    """Numbers with a name, one for each place; None where nothing is known. ``tone`` is a class of the style sheet."""

    name: str
    tone: str
    numbers: Sequence[Number]


@dataclass(frozen=True)
class Bar:
    """A part of a bar, and what it says when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    said: str


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    said: str


@dataclass(frozen=True)
class Line:
    """A line through dots; where nothing is known it is broken."""

    tone: str
    paths: list[str]
    dots: list[Dot]


@dataclass(frozen=True)
class Label:
    text: str
    at: float


@dataclass(frozen=True)
class Chart:
    """A drawing with its table; ``label`` says in a sentence what it shows."""

    key: str
    title: str
    label: str
    names: list[tuple[str, str]]
    bars: list[Bar]
    lines: list[Line]
    across: list[Label]
    up: list[Label]
    head: list[str]
    rows: list[tuple[str, list[str]]]
    is_empty: bool


@dataclass(frozen=True)
class Column:
    """What only the table tells."""

    name: str
    texts: Sequence[str]


@dataclass(frozen=True)
class Figures:
    """What a chart is drawn from.

    Args:
        places: what stands below the drawing, from left to right.
        words: a number in words, for the table.
        axis: the same, shorter, for beside the drawing.
        more: columns of the table alone.
    """

    key: str
    title: str
    places: Sequence[str]
    series: Sequence[Series]
    words: Words
    axis: Words
    more: Sequence[Column] = ()


def bar_chart(figures: Figures) -> Chart:
    """Draw bars, those of one place upon each other."""
    series, places = figures.series, figures.places
    sums = [sum(filter(None, numbers)) for numbers in zip(*(one.numbers for one in series), strict=True)]
    top = nice_top(max(sums, default=0))
    bars = [
        _bar(at, len(places), low, number, top, one.tone, _said(places[at], one.name, number, figures.words))
        for at in range(len(places))
        for one, low, number in _stacked(series, at)
        if number
    ]
    return _chart(figures, top, bars=bars)


def line_chart(figures: Figures, *, top: float) -> Chart:
    """Draw a line for each series, between nothing and the top."""
    return _chart(figures, top, lines=[_line(one, figures.places, top, figures.words) for one in figures.series])


def nice_top(most: float) -> float:
    """Return the next number that reads well: 1, 2, 5 times a power of ten; 1 for nothing."""
    if most <= 0:
        return 1
    power = 10.0 ** floor(log10(most))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= most)


def _stacked(series: Sequence[Series], at: int) -> list[tuple[Series, float, float]]:
    numbers = [one.numbers[at] or 0 for one in series]
    lows = [0.0, *accumulate(numbers)]
    return [(one, low, number) for one, low, number in zip(series, lows, numbers, strict=False)]


def _bar(at: int, places: int, low: float, number: float, top: float, tone: str, said: str) -> Bar:
    room = PLOT_WIDTH / places
    height = max(1.0, PLOT_HEIGHT * number / top)
    y = TOP + PLOT_HEIGHT * (1 - low / top) - height
    return Bar(
        round(LEFT + room * (at + GAP / 2), 1), round(y, 1), round(room * (1 - GAP), 1), round(height, 1), tone, said
    )


def _line(series: Series, places: Sequence[str], top: float, words: Words) -> Line:
    runs: list[list[Dot]] = [[]]
    for at, number in enumerate(series.numbers):
        if number is None:
            runs.append([])
            continue
        y = TOP + PLOT_HEIGHT * (1 - number / top)
        said = _said(places[at], series.name, number, words)
        runs[-1].append(Dot(round(_middle(at, len(places)), 1), round(y, 1), said))
    paths = [" ".join(f"{dot.x},{dot.y}" for dot in run) for run in runs if len(run) > 1]
    return Line(series.tone, paths, [dot for run in runs for dot in run])


def _middle(at: int, places: int) -> float:
    return LEFT + PLOT_WIDTH / places * (at + 0.5)


def _said(place: str, name: str, number: float, words: Words) -> str:
    return f"{place}, {name}: {words(number)}"


def _chart(figures: Figures, top: float, *, bars: Sequence[Bar] = (), lines: Sequence[Line] = ()) -> Chart:
    places, series, more = figures.places, figures.series, figures.more
    step = -(-len(places) // LABELS)
    # counted from the last place, which is today
    shown = [at for at in range(len(places)) if (len(places) - 1 - at) % step == 0]
    names = ", ".join(one.name for one in series)
    return Chart(
        key=figures.key,
        title=figures.title,
        label=f"{figures.title}, {places[0]} to {places[-1]}: {names}. The table below has the numbers.",
        names=[(one.name, one.tone) for one in series],
        bars=list(bars),
        lines=list(lines),
        across=[Label(places[at], round(_middle(at, len(places)), 1)) for at in shown],
        up=[Label(figures.axis(top * part), round(TOP + PLOT_HEIGHT * (1 - part), 1)) for part in (0, 0.5, 1)],
        head=[*(one.name for one in series), *(column.name for column in more)],
        rows=[(place, _cells(figures, at)) for at, place in enumerate(places)],
        is_empty=not any(number for one in series for number in one.numbers),
    )


def _cells(figures: Figures, at: int) -> list[str]:
    numbers = [_cell(one.numbers[at], figures.words) for one in figures.series]
    return [*numbers, *(column.texts[at] for column in figures.more)]


def _cell(number: Number, words: Words) -> str:
    return "" if number is None else words(number)
