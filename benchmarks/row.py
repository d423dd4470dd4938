"""What a row of the table is: variants that are measured in turn, metrics that each run gives, aims. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from benchmarks.workshop import Workshop

Figures = dict[str, float]


class Better(StrEnum):
    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True)
class Metric:
    """A figure that every run of a variant gives.

    Args:
        digits: how many decimals the table shows.
    """

    name: str
    unit: str
    better: Better
    digits: int = 1

    @property
    def label(self) -> str:
        return self.name.replace("_", " ")


@dataclass(frozen=True)
class Variant:
    """One way to do a row's work.

    Args:
        measure: carries out one run; answers some of the row's metrics by their names.
    """

    name: str
    measure: Callable[[Workshop], Figures]


# {variant: {metric: the median of its runs}}
Medians = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Aim:
    """What we want of a row. ``value`` is looked up, or worked out, in the medians; KeyError where one is missing."""

    text: str
    target: float
    better: Better
    value: Callable[[Medians], float]
    unit: str = ""
    digits: int = 1

    def is_met(self, value: float) -> bool:
        return value >= self.target if self.better is Better.HIGHER else value <= self.target


def at_least(target: float, variant: str, metric: Metric) -> Aim:
    text = f"{variant}: {metric.label} at least {target:g} {metric.unit}"
    return _plain_aim(text, target, Better.HIGHER, variant, metric)


def at_most(target: float, variant: str, metric: Metric) -> Aim:
    text = f"{variant}: {metric.label} at most {target:g} {metric.unit}"
    return _plain_aim(text, target, Better.LOWER, variant, metric)


def _plain_aim(text: str, target: float, better: Better, variant: str, metric: Metric) -> Aim:
    return Aim(text, target, better, lambda medians: medians[variant][metric.name], metric.unit, metric.digits)


@dataclass(frozen=True)
class Row:
    """One promise about speed.

    Args:
        covers: what the clock covers, in a sentence; the table prints it.
        is_long: takes minutes or gigabytes; runs only when it is asked for.
        runs: how often at most; None for as often as all are.
    """

    name: str
    covers: str
    metrics: tuple[Metric, ...]
    variants: tuple[Variant, ...]
    aims: tuple[Aim, ...] = ()
    is_long: bool = False
    runs: int | None = None


@dataclass(frozen=True)
class Summary:
    """All runs of one metric of one variant."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)


@dataclass(frozen=True)
class RowResult:
    """What came out of a row.

    Args:
        figures: ``{variant: {metric: summary}}``.
        missing: ``{variant: what to install}``.
        failed: ``{variant: what went wrong}``.
    """

    row: Row
    figures: Mapping[str, Mapping[str, Summary]]
    missing: Mapping[str, str]
    failed: Mapping[str, str]

    @property
    def medians(self) -> dict[str, dict[str, float]]:
        return {
            variant: {metric: summary.median for metric, summary in by_metric.items()}
            for variant, by_metric in self.figures.items()
        }
