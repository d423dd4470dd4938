"""The results as a table in the terminal."""

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.document import aim_value
from benchmarks.row import Aim, Metric, RowResult, Summary


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
