"""The rows with MongoDB and Redis beside the default stores, by turns in the same run."""

from collections.abc import Callable
from dataclasses import replace

from benchmarks.row import Aim, Better, Figures, Medians, Metric, Row, Variant
from benchmarks.rows.throughput import RATE, ROUND_TRIPS
from benchmarks.workshop import Workshop

NOTE = " MongoDB: with Redis; round trips are all that the worker's process asks of MongoDB."
PERCENT_OF_SQLITE = 60
# what is compared; the plain way and the growth of a SQLite file are not
VARIANTS = {
    "overhead": ("openai", "offline"),
    "waiting": ("500 at once", "5000 at once"),
    "pickup": ("openai",),
    "api": ("post", "bulk, get"),
}


def with_mongo(row: Row) -> Row:
    """Return a row with its variants on MongoDB, too; those that are about SQLite alone stay as they are."""
    wanted = VARIANTS.get(row.name)
    if wanted is None:
        return row
    variants = [both for variant in row.variants for both in _beside(variant, is_wanted=variant.name in wanted)]
    aims = tuple(aim for name in wanted if RATE in row.metrics for aim in (_share(name), _below_one(name)))
    metrics = (*row.metrics, ROUND_TRIPS) if RATE in row.metrics else row.metrics
    return replace(row, covers=row.covers + NOTE, metrics=metrics, variants=tuple(variants), aims=row.aims + aims)


def _beside(variant: Variant, *, is_wanted: bool) -> list[Variant]:
    return [variant, Variant(_named(variant.name), _on_mongo(variant.measure))] if is_wanted else [variant]


def _named(name: str) -> str:
    return f"{name}, MongoDB"


def _on_mongo(measure: Callable[[Workshop], Figures]) -> Callable[[Workshop], Figures]:
    return lambda workshop: measure(workshop.on_mongo())


def _share(name: str) -> Aim:
    def share(medians: Medians) -> float:
        return medians[_named(name)][RATE.name] / medians[name][RATE.name] * 100

    text = f"{_named(name)}: at least {PERCENT_OF_SQLITE} % of SQLite's rate"
    return Aim(text, PERCENT_OF_SQLITE, Better.HIGHER, share, "%", digits=0)


def _below_one(name: str) -> Aim:
    metric: Metric = ROUND_TRIPS
    text = f"{_named(name)}: less than one round trip for each context"
    return Aim(text, 1, Better.LOWER, lambda medians: medians[_named(name)][metric.name], metric.unit, metric.digits)
