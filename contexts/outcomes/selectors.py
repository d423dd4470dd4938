"""Every read of outcomes that people make: of rows of sums, never of contexts."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import QuerySet, Sum

from base import clock
from components.prices import Bill
from contexts.outcomes.histogram import percentile
from contexts.outcomes.models import Outcome, Span

DAYS_SHOWN, DAYS_BY_TYPE, HOURS_OF_ERRORS = 14, 7, 24

T = TypeVar("T")


@dataclass(frozen=True)
class Sums:
    """What came of some contexts."""

    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    bill: Bill = field(default_factory=Bill)
    latencies: Counter[int] = field(default_factory=Counter)

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.completed + other.completed,
            self.failed + other.failed,
            self.cancelled + other.cancelled,
            self.bill + other.bill,
            self.latencies + other.latencies,
        )

    @property
    def ended(self) -> int:
        return self.completed + self.failed + self.cancelled

    @property
    def success_rate(self) -> float | None:
        """The completed among those that came to an end by themselves; None where none did."""
        return success_rate(self.completed, self.failed)

    @property
    def p50_ms(self) -> int | None:
        return percentile(self.latencies, 50)

    @property
    def p95_ms(self) -> int | None:
        return percentile(self.latencies, 95)


def success_rate(completed: int, failed: int) -> float | None:
    """Return the share of the completed, 0 to 1; what a person cancelled says nothing about it."""
    return completed / (completed + failed) if completed + failed else None


@dataclass(frozen=True)
class DayOfType:
    """What came of the contexts of one type on one day (UTC)."""

    day: datetime
    type: str
    sums: Sums


def outcomes_of_days(organization_id: str | None, *, days: int = DAYS_SHOWN) -> list[DayOfType]:
    """Return the last days, today included, of an organization; None means of all."""
    rows = _rows(organization_id, Span.DAY, today() - timedelta(days=days - 1)).values_list(
        "start",
        "type",
        "completed",
        "failed",
        "cancelled",
        "input_tokens",
        "output_tokens",
        "cost_usd",
        "unpriced_tokens",
        "latencies",
    )
    return [_day(*row) for row in rows]


def _day(start: datetime, type: str, completed: int, failed: int, cancelled: int, *rest: Any) -> DayOfType:
    *bill, latencies = rest
    found = Counter({int(bucket): number for bucket, number in latencies.items()})
    return DayOfType(start, type, Sums(completed, failed, cancelled, Bill(*bill), found))


def today() -> datetime:
    """Return when this day began, in UTC."""
    return clock.now().replace(hour=0, minute=0, second=0, microsecond=0)


def _rows(organization_id: str | None, span: Span, since: datetime) -> QuerySet[Outcome]:
    rows = Outcome.objects.filter(span=span, start__gte=since).order_by()
    return rows if organization_id is None else rows.filter(organization_id=organization_id)


def summed(rows: Iterable[DayOfType], by: Callable[[DayOfType], T]) -> dict[T, Sums]:
    """Add rows up, by their day or their type."""
    found: dict[T, Sums] = {}
    for row in rows:
        found[by(row)] = found.get(by(row), Sums()) + row.sums
    return found


@dataclass(frozen=True)
class ErrorCount:
    """How often contexts ended with an error of this type at this step."""

    component: str
    type: str
    number: int


def errors_lately(organization_id: str | None, *, most: int) -> list[ErrorCount]:
    """Return the errors of the last 24 hours, the most frequent first."""
    since = clock.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS_OF_ERRORS - 1)
    found: Counter[tuple[str, str]] = Counter()
    for errors in _rows(organization_id, Span.HOUR, since).filter(failed__gt=0).values_list("errors", flat=True):
        for component, type, number in errors:
            found[component, type] += number
    return [ErrorCount(*error, number) for error, number in found.most_common(most)]


@dataclass(frozen=True)
class TemplateUse:
    """How often a template was used in the last days, and with what success."""

    uses: int
    success_rate: float | None


def template_uses(template_ids: Sequence[str], organization_id: str | None) -> dict[str, TemplateUse]:
    """Return the use of these templates in the last 7 days, by one query; nothing of those that nobody used."""
    rows = _rows(organization_id, Span.DAY, today() - timedelta(days=DAYS_BY_TYPE - 1))
    counted = rows.filter(template_id__in=list(template_ids)).values("template_id")
    sums = counted.annotate(good=Sum("completed"), bad=Sum("failed"), left=Sum("cancelled"))
    return {
        template_id: TemplateUse(good + bad + left, success_rate(good, bad))
        for template_id, good, bad, left in sums.values_list("template_id", "good", "bad", "left")
    }
