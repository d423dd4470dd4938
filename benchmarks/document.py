"""The results as one JSON document, and reading an earlier one."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.processes import BenchFailed
from benchmarks.row import Aim, RowResult, Summary

FORMAT = 1


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


def read_document(path: Path) -> dict[str, Any]:
    """Read the results of an earlier run.

    Raises:
        BenchFailed: they cannot be read.
    """
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise BenchFailed(f"{path}: {exc}") from exc
    if document.get("format") != FORMAT:
        raise BenchFailed(f"{path}: this is no result of script/bench, or of another version of it.")
    return document
