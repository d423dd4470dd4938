"""A result document beside an earlier one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.row import Better


def print_comparison(console: Console, now: dict[str, Any], earlier: dict[str, Any]) -> None:
    """Print the ratio of every median to the earlier one; ``same`` where each lies in the other's range."""
    before = f"{earlier['machine'].get('revision')} on {earlier['machine'].get('cpu')}"
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"Compared with {before}", title_justify="left")
    for name in ("", "earlier", "now", "now / earlier", ""):
        table.add_column(name, justify="left" if not name else "right")
    for change in changes(now, earlier):
        then, value = change.then["median"], change.now["median"]
        ratio = f"{value / then:.2f}x" if then else ""
        table.add_row(change.label, f"{then:,.2f}", f"{value:,.2f}", ratio, change.verdict)
    console.print(table)


@dataclass(frozen=True)
class Change:
    """A metric in two runs of the bench; both are summaries as in the document."""

    label: str
    then: dict[str, Any]
    now: dict[str, Any]
    better: Better

    @property
    def verdict(self) -> str:
        then, now = self.then["median"], self.now["median"]
        if self.now["min"] <= then <= self.now["max"] and self.then["min"] <= now <= self.then["max"]:
            return "same"
        return "better" if (now > then) == (self.better is Better.HIGHER) else "worse"


def changes(now: dict[str, Any], earlier: dict[str, Any]) -> Iterator[Change]:
    """Yield every metric that both runs have."""
    for name, row in now["rows"].items():
        old_row = earlier["rows"].get(name, {"variants": {}})
        for variant, figures in row["variants"].items():
            old = old_row["variants"].get(variant, {})
            for metric, facts in row["metrics"].items():
                if metric in figures and metric in old:
                    label = f"{name} {variant} {metric}"
                    yield Change(label, old[metric], figures[metric], Better(facts["better"]))
