"""What a retry would cost, before it is made: from what the same steps used before, at the prices of today.

A step that this context has run before is expected to use as much again; else as much as the median of the recent
contexts of its type. It is an estimate: a model may write more this time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from statistics import median_low
from typing import Any

from components.errors import PermanentError
from components.pipeline import Step, parse_pipeline
from components.prices import Bill, bill_at, bill_of, price_in
from components.services import component_build
from contexts.models import Context
from contexts.retry_plan import RetryPlan
from contexts.rewind import DONE_OUTCOMES
from contexts.selectors import contexts_visible

RECENT = 50
COMPLETED = "completed"

Run = dict[str, Any]


@dataclass(frozen=True)
class StepPrice:
    """What one step is expected to use.

    Args:
        bill: None where nothing like it has run before.
        basis: where that is from, in words.
    """

    key: str
    bill: Bill | None
    duration_ms: int | None
    basis: str


@dataclass(frozen=True)
class PriceTag:
    """What a retry reuses, and what it is expected to cost.

    Args:
        saved: what the steps that are kept had cost.
    """

    kept: list[str]
    again: list[StepPrice]
    saved: Bill

    @property
    def bill(self) -> Bill:
        return sum((step.bill for step in self.again if step.bill), Bill())

    @property
    def duration_ms(self) -> int:
        return sum(step.duration_ms or 0 for step in self.again)

    @property
    def unknown(self) -> list[str]:
        """Return the steps of which nothing is known."""
        return [step.key for step in self.again if step.bill is None]


class Estimator:
    """Prices retries of one context."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def tag(self, plan: RetryPlan) -> PriceTag:
        """Return what a plan would cost."""
        again = [self._priced(step) for step in parse_pipeline(plan.pipeline).steps if step.key in set(plan.again)]
        return PriceTag(plan.kept, again, bill_of(_last_done(self._context.step_runs, plan.kept)))

    def _priced(self, step: Step) -> StepPrice:
        if own := _last_of(self._context.step_runs, step):
            return _price(step, own, "as its last run here")
        runs = [run for run in self._recent if run["component"] == step.component and run["outcome"] == COMPLETED]
        if not runs:
            return StepPrice(step.key, None, None, "nothing like it has run yet")
        number = "1 recent run" if len(runs) == 1 else f"{len(runs)} recent runs"
        return _price(step, _typical(runs), f"the median of {number} for {self._context.type}")

    @cached_property
    def _recent(self) -> list[Run]:
        """Return the step runs of the newest contexts of the same type: so many rows, however many there are."""
        rows = contexts_visible(self._context.organization_id).filter(type=self._context.type)
        newest = rows.order_by("-pk").values_list("step_runs", flat=True)[:RECENT]
        return [run for runs in newest for run in runs]


def _last_of(runs: list[Run], step: Step) -> Run | None:
    """Return the last run of a step that says what it takes: one that was finished, or that has asked a model."""
    mine = [run for run in runs if run["key"] == step.key and run["component"] == step.component]
    telling = (run for run in reversed(mine) if run["outcome"] == COMPLETED or run.get("input_tokens") is not None)
    return next(telling, None)


def _last_done(runs: list[Run], keys: Iterable[str]) -> list[Run]:
    found = {run["key"]: run for run in runs if run["outcome"] in DONE_OUTCOMES}
    return [found[key] for key in keys if key in found]


def _typical(runs: list[Run]) -> Run:
    """Return a run with the median of each number."""
    return {
        "input_tokens": _median(runs, "input_tokens"),
        "output_tokens": _median(runs, "output_tokens"),
        "duration_ms": _median(runs, "duration_ms"),
    }


def _median(runs: list[Run], name: str) -> int | None:
    known = [run[name] for run in runs if run.get(name) is not None]
    return median_low(known) if known else None


def _price(step: Step, run: Run, basis: str) -> StepPrice:
    try:
        price = price_in(component_build(step).config.model_dump())
    except PermanentError:  # its settings are to be mended first
        price = None
    bill = bill_at(run, price) if price else bill_of([run])
    return StepPrice(step.key, bill, run.get("duration_ms"), basis)
