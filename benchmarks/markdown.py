"""The results as Markdown tables, for docs/performance.md."""

from typing import Any

DIGITS = {"s": 2, "ms/context": 2, "x": 2}
VERDICTS = {True: "met", False: "missed", None: "not measured"}


def markdown(document: dict[str, Any]) -> str:
    """Return a table for each row of a result document, and one of all aims."""
    parts = [_machine(document["machine"])]
    parts += [f"**{name}**\n\n{_figures(row)}" for name, row in document["rows"].items()]
    aims = [aim | {"row": name} for name, row in document["rows"].items() for aim in row["aims"]]
    lines = [
        f"| {aim['row']} | {aim['aim']} | {_value(aim['value'], '')} | {VERDICTS[aim['is_met']]} |" for aim in aims
    ]
    parts.append("\n".join(["| Row | Aim | Measured | |", "|---|---|---|---|", *lines]))
    return "\n\n".join(parts) + "\n"


def _machine(facts: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items()) + "."


def _figures(row: dict[str, Any]) -> str:
    metrics = {
        name: facts for name, facts in row["metrics"].items() if any(name in v for v in row["variants"].values())
    }
    heads = [f"{name.replace('_', ' ')} {facts['unit']}".strip() for name, facts in metrics.items()]
    lines = [f"| | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    for variant, figures in row["variants"].items():
        cells = [_cell(figures.get(name), facts["unit"]) for name, facts in metrics.items()]
        lines.append(f"| {variant} | {' | '.join(cells)} |")
    lines += [f"\n{variant}: {why}" for variant, why in {**row["missing"], **row["failed"]}.items()]
    return "\n".join(lines)


def _cell(summary: dict[str, Any] | None, unit: str) -> str:
    if summary is None:
        return ""
    shown = _value(summary["median"], unit)
    if len(summary["values"]) == 1:
        return shown
    return f"{shown} ({_value(summary['min'], unit)}-{_value(summary['max'], unit)})"


def _value(value: float | None, unit: str) -> str:
    """Return a figure with as many decimals as its size deserves."""
    if value is None:
        return ""
    digits = DIGITS.get(unit, 0 if value >= 100 else 1)
    return f"{value:,.{digits}f}"
