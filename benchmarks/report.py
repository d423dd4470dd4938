"""The results as JSON, as a table for people, and beside an earlier run."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.row import Aim, Metric, RowResult, Summary

FORMAT = 1


# --- JSON -----------------------------------------------------------------------------------------------------
def as_document(results: Sequence[RowResult], machine: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return everything that was measured, for a JSON file."""
    return {
        "format": FORMAT,
        "machine": machine,
        "options": options,
        "rows": {result.row.name: _row_document(result) for result in results},
    }


def _row_document(result: RowResult) -> dict[str, Any]:
    return {
        "covers": result.row.covers,
        "metrics": {metric.name: {"unit": metric.unit, "better": metric.better.value} for metric in result.row.metrics},
        "variants": {
            variant: {name: _summary_document(summary) for name, summary in figures.items()}
            for variant, figures in result.figures.items()
        },
        "missing": dict(result.missing),
        "failed": dict(result.failed),
        "aims": [_aim_document(aim, result) for aim in result.row.aims],
    }


def _summary_document(summary: Summary) -> dict[str, Any]:
    return {
        "median": summary.median,
        "min": min(summary.values),
        "max": max(summary.values),
        "values": list(summary.values),
    }


def _aim_document(aim: Aim, result: RowResult) -> dict[str, Any]:
    value = aim_value(aim, result)
    return {
        "aim": aim.text,
        "target": aim.target,
        "value": value,
        "is_met": None if value is None else aim.is_met(value),
    }


def aim_value(aim: Aim, result: RowResult) -> float | None:
    """Return what an aim is judged by; None where it was not measured."""
    try:
        return aim.value(result.medians)
    except KeyError:
        return None


# --- for people -----------------------------------------------------------------------------------------------
def print_machine(console: Console, machine: dict[str, Any]) -> None:
    for name, value in machine.items():
        console.print(f"{name.replace('_', ' '):<14} {value}", highlight=False)


def print_row(console: Console, result: RowResult) -> None:
    """Print a row: its figures as median (min-max), then its aims."""
    row = result.row
    metrics = [metric for metric in row.metrics if any(metric.name in found for found in result.figures.values())]
    console.print(f"\n[bold]{row.name}[/bold]  {row.covers}", highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for metric in metrics:
        table.add_column(f"{metric.label}\n{metric.unit}", justify="right")
    for variant in row.variants:
        if variant.name in result.figures:
            figures = result.figures[variant.name]
            table.add_row(variant.name, *(_cell(metric, figures.get(metric.name)) for metric in metrics))
    if table.row_count:
        console.print(table)
    for name, why in {**result.missing, **result.failed}.items():
        console.print(f"  {name}: [yellow]{why}[/yellow]", highlight=False)
    for aim in row.aims:
        console.print(_aim_line(aim, result), highlight=False)


def _cell(metric: Metric, summary: Summary | None) -> str:
    if summary is None:
        return ""
    shown = f"{summary.median:,.{metric.digits}f}"
    if len(summary.values) == 1:
        return shown
    return f"{shown} ({min(summary.values):,.{metric.digits}f}-{max(summary.values):,.{metric.digits}f})"


def _aim_line(aim: Aim, result: RowResult) -> str:
    value = aim_value(aim, result)
    if value is None:
        return f"  [dim]not measured[/dim]  {aim.text}"
    verdict = "[green]met[/green]   " if aim.is_met(value) else "[red]missed[/red]"
    return f"  {verdict}  {aim.text}: {value:,.{aim.digits}f} {aim.unit}"


# --- beside an earlier run ------------------------------------------------------------------------------------
def print_comparison(console: Console, now: dict[str, Any], earlier: dict[str, Any]) -> None:
    """Print the ratio of every median to the earlier one."""
    before = f"{earlier['machine'].get('revision')} on {earlier['machine'].get('cpu')}"
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"Compared with {before}", title_justify="left")
    for name in ("", "earlier", "now", "now / earlier", ""):
        table.add_column(name, justify="left" if not name else "right")
    for label, then, value, better in ratios(now, earlier):
        ratio = value / then if then else float("nan")
        gain = ratio > 1 if better == "higher" else ratio < 1
        table.add_row(label, f"{then:,.2f}", f"{value:,.2f}", f"{ratio:.2f}x", "better" if gain else "worse")
    console.print(table)


def ratios(now: dict[str, Any], earlier: dict[str, Any]) -> Iterator[tuple[str, float, float, str]]:
    """Yield (label, earlier median, median now, which is better) of all that both have."""
    for name, row in now["rows"].items():
        old_row = earlier["rows"].get(name, {"variants": {}})
        for variant, figures in row["variants"].items():
            old = old_row["variants"].get(variant, {})
            for metric, facts in row["metrics"].items():
                if metric in figures and metric in old:
                    label = f"{name} {variant} {metric}"
                    yield label, old[metric]["median"], figures[metric]["median"], facts["better"]
