"""Runs rows: their variants in turn (A B C A B C), so that a slow minute of the machine slows all of them."""

from collections.abc import Sequence

from benchmarks.processes import BenchFailed, Missing, say
from benchmarks.row import Figures, Row, RowResult, Summary
from benchmarks.workshop import Workshop


def run_row(row: Row, workshop: Workshop, *, runs: int) -> RowResult:
    """Measure a row. A variant of which a run fails has no figures: they would mean nothing. The others go on."""
    found: dict[str, list[Figures]] = {variant.name: [] for variant in row.variants}
    missing: dict[str, str] = {}
    failed: dict[str, str] = {}
    wanted = min(runs, row.runs or runs)
    for number in range(wanted):
        for variant in row.variants:
            if variant.name in missing or variant.name in failed:
                continue
            say(f"{row.name}: {variant.name}, run {number + 1} of {wanted}")
            try:
                found[variant.name].append(variant.measure(workshop))
            except Missing as exc:
                missing[variant.name] = str(exc)
            except BenchFailed as exc:
                say(f"{row.name}: {variant.name} failed: {exc}")
                failed[variant.name] = str(exc)
                workshop.keep_logs()
    figures = {name: summarise(runs) for name, runs in found.items() if runs and name not in failed}
    return RowResult(row, figures, missing, failed)


def summarise(runs: Sequence[Figures]) -> dict[str, Summary]:
    """Bring the figures of several runs together, metric by metric."""
    names = dict.fromkeys(name for run in runs for name in run)
    return {name: Summary(tuple(run[name] for run in runs if name in run)) for name in names}
