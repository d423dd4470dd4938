"""The charts of the first page: what came of contexts, by day and by type."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.http import urlencode

from components.prices import Bill, money_text, usd_text
from contexts.admin.charts import Chart, Column, Figures, Series, bar_chart, line_chart, nice_top
from contexts.admin.texts import ago_text, count_text, percent_text, seconds_text
from contexts.outcomes.selectors import DAYS_BY_TYPE, DAYS_SHOWN, DayOfType, Sums, outcomes_of_days, summed, today

TYPES_SHOWN = 20
TOPS_SECONDS = (0.2, 1, 2, 4, 10, 20, 60, 120, 240, 600, 1200, 3600, 7200, 14_400, 86_400, 4 * 86_400)
STATUSES = ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class Share:
    """A part of a type's bar, in percent of the most frequent type's."""

    left: float
    width: float
    tone: str


@dataclass(frozen=True)
class TypeRow:
    """What came of the contexts of a type."""

    type: str
    url: str
    shares: list[Share]
    said: str
    cells: list[str]


@dataclass(frozen=True)
class Charts:
    """All of them; empty where nothing has ended."""

    days: list[Chart]
    types: list[TypeRow]
    more_types: int


def home_charts(organization_id: str | None) -> Charts:
    """Return the charts of an organization; None means of all."""
    rows = outcomes_of_days(organization_id)
    if not rows:
        return Charts([], [], 0)
    types = _types(rows)
    return Charts(_days(rows), types[:TYPES_SHOWN], max(0, len(types) - TYPES_SHOWN))


def _days(rows: list[DayOfType]) -> list[Chart]:
    found = summed(rows, lambda row: row.day)
    days = [today() - timedelta(days=back) for back in range(DAYS_SHOWN - 1, -1, -1)]
    places, sums = [_day_text(day) for day in days], [found.get(day, Sums()) for day in days]
    ended = [Series(status, status, [getattr(one, status) for one in sums]) for status in STATUSES]
    success = [Series("completed of those not cancelled", "completed", [one.success_rate for one in sums])]
    latencies = [
        Series("half of them within", "info", [one.p50_ms for one in sums]),
        Series("95 % within", "warning", [one.p95_ms for one in sums]),
    ]
    return [
        bar_chart(Figures("ended", "Ended", places, ended, count_text, _short_count)),
        line_chart(Figures("success", "Success rate", places, success, percent_text, _short_share), top=1.0),
        line_chart(
            Figures("latency", "From submission to completion", places, latencies, _time, _short_time),
            top=_time_top([one.p95_ms for one in sums]),
        ),
        bar_chart(_cost(places, [one.bill for one in sums])),
    ]


def _cost(places: list[str], bills: list[Bill]) -> Figures:
    """Return the money; where no call has a price, the tokens."""
    if any(bill.cost_usd for bill in bills) or not any(bill.tokens for bill in bills):
        tokens = Column("tokens", [count_text(bill.tokens) for bill in bills])
        unpriced = Column("tokens of unknown price", [count_text(bill.unpriced_tokens) for bill in bills])
        costs = Series("of calls whose price is known", "info", [bill.cost_usd for bill in bills])
        return Figures("cost", "Cost", places, [costs], usd_text, _short_usd, more=[tokens, unpriced])
    series = [
        Series("read by models", "info", [bill.input_tokens for bill in bills]),
        Series("written by models", "warning", [bill.output_tokens for bill in bills]),
    ]
    return Figures("cost", "Tokens (no price is set)", places, series, count_text, _short_count)


def _types(rows: list[DayOfType]) -> list[TypeRow]:
    since = today() - timedelta(days=DAYS_BY_TYPE - 1)
    found = summed([row for row in rows if row.day >= since], lambda row: row.type)
    ordered = sorted(found.items(), key=lambda pair: (-pair[1].ended, pair[0]))
    most = max((sums.ended for _, sums in ordered), default=0)
    return [_type_row(type, sums, most) for type, sums in ordered]


def _type_row(type: str, sums: Sums, most: int) -> TypeRow:
    shares, left = [], 0.0
    for status in STATUSES:
        width = 100 * getattr(sums, status) / most
        if width:
            shares.append(Share(round(left, 2), round(width, 2), status))
        left += width
    numbers = [f"{getattr(sums, status):,} {status}" for status in STATUSES if getattr(sums, status)]
    return TypeRow(
        type=type,
        url=f"{reverse('admin:contexts_context_changelist')}?{urlencode({'type': type})}",
        shares=shares,
        said=", ".join(numbers),
        cells=[
            f"{sums.ended:,}",
            percent_text(sums.success_rate),
            seconds_text(sums.p50_ms),
            seconds_text(sums.p95_ms),
            f"{sums.bill.tokens:,}",
            money_text(sums.bill),
        ],
    )


def _day_text(day: datetime) -> str:
    return f"{day.day} {day:%b}"


def _short_count(number: float) -> str:
    """Write a round number for an axis: ``0.5``, ``250``, ``20k``, ``1.5M``."""
    for size, unit in ((1_000_000, "M"), (10_000, "k")):
        if number >= size:
            return f"{number / (1_000 if unit == 'k' else size):g}{unit}"
    return f"{number:g}"


def _short_usd(amount: float) -> str:
    return f"${_short_count(amount)}" if amount >= 10_000 else f"${amount:g}"


def _short_share(share: float) -> str:
    return f"{share:.0%}"


def _time(milliseconds: float) -> str:
    return seconds_text(round(milliseconds))


def _short_time(milliseconds: float) -> str:
    return f"{milliseconds:g} ms" if milliseconds < 1000 else ago_text(milliseconds / 1000)


def _time_top(found: list[int | None]) -> float:
    """Return the next time whose half reads well, too."""
    most = max((number for number in found if number), default=0) / 1000
    return 1000 * next((seconds for seconds in TOPS_SECONDS if seconds >= most), nice_top(most))
