"""What ended, and the sums of it. Pure but for the row that it reads and describes."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from components.prices import Bill
from contexts.outcomes.histogram import bucket_of
from contexts.outcomes.models import Outcome, Span
from contexts.states import Status

ERRORS_KEPT = 100
OTHER = "other"
_COUNTED = (Status.COMPLETED.value, Status.FAILED.value, Status.CANCELLED.value)


@dataclass(frozen=True)
class Ended:
    """A context that has ended, as far as it is counted.

    Args:
        latency_ms: from its submission, or from when somebody set it going again.
        bill: of what it ran since.
    """

    ended_at: datetime
    organization_id: str
    type: str
    template_id: str
    status: str
    error: tuple[str, str]
    latency_ms: int
    bill: Bill


@dataclass(frozen=True)
class Place:
    """Which row something is counted in."""

    span: Span
    start: datetime
    organization_id: str
    type: str
    template_id: str

    @property
    def row_id(self) -> str:
        """The row's id: such as ``day:20261129:org_a:article:tmpl_b``."""
        written = self.start.strftime("%Y%m%d%H" if self.span is Span.HOUR else "%Y%m%d")
        return f"{self.span.value}:{written}:{self.organization_id}:{self.type}:{self.template_id}"


def places_of(ended: Ended) -> Iterator[Place]:
    """Return the rows that an end is counted in: that of its hour, and that of its day."""
    hour = ended.ended_at.replace(minute=0, second=0, microsecond=0)
    for span, start in ((Span.HOUR, hour), (Span.DAY, hour.replace(hour=0))):
        yield Place(span, start, ended.organization_id, ended.type, ended.template_id)


@dataclass
class Tally:
    """The sums of a row."""

    statuses: Counter[str] = field(default_factory=Counter)
    bill: Bill = field(default_factory=Bill)
    latencies: Counter[int] = field(default_factory=Counter)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)

    @classmethod
    def of_row(cls, row: Outcome) -> "Tally":
        return cls(
            Counter({status: getattr(row, status) for status in _COUNTED}),
            Bill(row.input_tokens, row.output_tokens, row.cost_usd, row.unpriced_tokens),
            Counter({int(bucket): number for bucket, number in row.latencies.items()}),
            Counter({(component, type): number for component, type, number in row.errors}),
        )

    def add(self, ended: Iterable[Ended]) -> None:
        for one in ended:
            self.statuses[one.status] += 1
            self.bill += one.bill
            if one.status == Status.COMPLETED:
                self.latencies[bucket_of(one.latency_ms)] += 1
            if one.status == Status.FAILED:
                self.errors[self._error_place(one.error)] += 1

    def _error_place(self, error: tuple[str, str]) -> tuple[str, str]:
        """Return where an error is counted: components of anybody may name types without end."""
        return error if error in self.errors or len(self.errors) < ERRORS_KEPT else (OTHER, OTHER)

    def columns(self) -> dict[str, Any]:
        """Return what the row stores of it."""
        return {
            **{status: self.statuses[status] for status in _COUNTED},
            "input_tokens": self.bill.input_tokens,
            "output_tokens": self.bill.output_tokens,
            "cost_usd": self.bill.cost_usd,
            "unpriced_tokens": self.bill.unpriced_tokens,
            "latencies": {str(bucket): self.latencies[bucket] for bucket in sorted(self.latencies)},
            "errors": [[*error, number] for error, number in sorted(self.errors.items())],
        }
