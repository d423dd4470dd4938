"""Which contexts a wish for many is about: the filters of the admin's list, kept as values that can be stored.

The list and a wish made from it mean the same contexts; a test holds them against each other.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from pydantic import BaseModel, ConfigDict, Field

from components.explanations import explain
from contexts.models import Context
from contexts.searching import search_of
from contexts.selectors import ContextFilter, contexts_find, with_status_in_batch
from contexts.states import OPEN, Status

COUNTED_MOST = 10_000
MOMENT = timedelta(milliseconds=1)  # times are cut to it


class Selection(BaseModel):
    """A filter over contexts; what is empty does not count.

    Args:
        status: one status, or ``open`` for all that are not finished.
        error, component: the kind of the error and the step where it happened; of failed contexts, where no status is
            named.
        created_from, created_to: days in UTC, both included.
        text: as in the list, see `contexts.searching`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    organization_id: str | None = Field(default=None, max_length=64)
    status: str = Field(default="", max_length=20)
    type: str = Field(default="", max_length=50)
    batch_id: str = Field(default="", max_length=64)
    error: str = Field(default="", max_length=100)
    component: str = Field(default="", max_length=128)
    template_id: str = Field(default="", max_length=64)
    pipeline_id: str = Field(default="", max_length=64)
    created_from: date | None = Field(default=None, ge=date(1971, 1, 1), le=date(9000, 12, 31))
    created_to: date | None = Field(default=None, ge=date(1971, 1, 1), le=date(9000, 12, 31))
    text: str = Field(default="", max_length=300)

    def contexts(self, statuses: list[str]) -> QuerySet[Context]:
        """Return those that match and have one of these statuses, as lists show them."""
        wanted = sorted(set(statuses) & set(self._statuses() or statuses))
        is_about_errors = bool(self.error or self.component)
        rows = contexts_find(self.organization_id, self._filter(wanted if len(wanted) == 1 or is_about_errors else []))
        if len(wanted) != 1:
            # along the ids: with an index of the status all of them would be sorted for every chunk
            rows = with_status_in_batch(rows, wanted)
        return rows.filter(search_of(self.text, self.organization_id).match) if self.text else rows

    def listed(self) -> QuerySet[Context]:
        """Return all that match but for the text, as the list shows them."""
        return contexts_find(self.organization_id, self._filter(self._statuses()))

    def by_status(self, statuses: list[str]) -> list[QuerySet[Context]]:
        """Return the same, a query for each status: each is answered from an index, in any order, at once."""
        return [self.contexts([status]) for status in statuses if status in (self._statuses() or statuses)]

    def _statuses(self) -> list[str]:
        if not self.status and (self.error or self.component):
            return [Status.FAILED.value]
        return [status.value for status in OPEN] if self.status == "open" else [self.status] if self.status else []

    def _filter(self, statuses: list[str]) -> ContextFilter:
        return ContextFilter(
            statuses=statuses,
            type=self.type or None,
            batch_id=self.batch_id or None,
            error_type=self.error or None,
            error_component=self.component or None,
            template_id=self.template_id or None,
            pipeline_id=self.pipeline_id or None,
            created_after=_midnight(self.created_from) - MOMENT if self.created_from else None,
            created_before=_midnight(self.created_to) + timedelta(days=1) if self.created_to else None,
        )

    def words(self) -> list[str]:
        """Say which contexts are meant."""
        said = {
            "status": "not finished" if self.status == "open" else self.status,
            "type": self.type,
            "organization": self.organization_id,
            "batch": self.batch_id,
            "failed with": f"“{explain(self.error, retryable=False).short}”" if self.error else "",
            "failed at": self.component,
            "template": self.template_id,
            "pipeline": self.pipeline_id,
            "created from": self.created_from,
            "created to": self.created_to,
            "found by": f"“{self.text}”" if self.text else "",
        }
        return [f"{name} {value}" for name, value in said.items() if value]

    def stored(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return self.model_dump(mode="json", exclude_defaults=True)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def bounded_count(queries: list[QuerySet[Context]]) -> int:
    """Count the rows of all queries together, no further than just beyond the bound."""
    return min(COUNTED_MOST + 1, sum(rows.order_by()[: COUNTED_MOST + 1].count() for rows in queries))


def count_text(number: int) -> str:
    """Write a bounded count: ``1 context``, ``more than 10,000 contexts``."""
    if number > COUNTED_MOST:
        return f"more than {COUNTED_MOST:,} contexts"
    return "1 context" if number == 1 else f"{number:,} contexts"
