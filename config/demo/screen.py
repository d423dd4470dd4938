"""What the demo shows in the terminal: the steps as they go, then the finished article. Plain lines in a pipe."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markdown import Markdown
from rich.panel import Panel
from rich.rule import Rule
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from components.pipeline import parse_pipeline

FRAMES_PER_SECOND = 12
STATE_STYLES = {"done": "green", "running": "yellow", "failed": "bold red", "waiting": "dim"}


@dataclass(frozen=True)
class StepLine:
    """One step of the pipeline, as shown."""

    key: str
    state: str
    took: str


def step_lines(context: dict[str, Any]) -> list[StepLine]:
    """Return every step of a context document with its state and the time that it took."""
    processing = context.get("processing", {})
    done = processing.get("completed_components", [])
    timings = processing.get("component_timings", {})
    failed = (context["error"] or {}).get("component")
    lines: list[StepLine] = []
    is_next = context["status"] == "processing"
    for key in parse_pipeline(context["pipeline"]).keys:
        if key in done:
            lines.append(StepLine(key, "done", f"{timings[key]} ms" if key in timings else ""))
        elif key == failed and context["status"] != "processing":
            lines.append(StepLine(key, "failed", ""))
        else:
            lines.append(StepLine(key, "running" if is_next else "waiting", ""))
            is_next = False
    return lines


class Screen:
    """Writes to the terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)

    def say(self, line: str) -> None:
        """Tell what the demo is doing."""
        self.console.print(Text("• ", style="cyan") + Text(line), soft_wrap=True)

    def show(self, changes: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """Show a context's way until it ends; return its last state."""
        return self._show_live(changes) if self.console.is_terminal else self._show_lines(changes)

    def _show_live(self, changes: Iterable[dict[str, Any]]) -> dict[str, Any]:
        latest: dict[str, Any] = {}
        with Live(console=self.console, refresh_per_second=FRAMES_PER_SECOND) as live:
            for latest in changes:
                live.update(_panel(latest), refresh=True)
        return latest

    def _show_lines(self, changes: Iterable[dict[str, Any]]) -> dict[str, Any]:
        latest: dict[str, Any] = {}
        shown: set[str] = set()
        for latest in changes:
            for line in _plain_lines(latest):
                if line not in shown:
                    shown.add(line)
                    self.console.print(Text(f"  {line}"), soft_wrap=True)
        return latest

    def show_end(self, context: dict[str, Any]) -> None:
        """Print the finished article, or why there is none."""
        if context["status"] != "completed":
            error = context["error"] or {"component": "", "message": "it was cancelled"}
            self.console.print(Text(f"{context['status']}: {error['component']} {error['message']}", style="bold red"))
            return
        data = context["data"]
        formatted = data["formatted_content"]
        self.console.print(Rule(f"{formatted['word_count']} words, {formatted['reading_time']}"))
        self._print_content(formatted)
        self.console.print(Rule(Text(f"written by {data['model_used']} in {context['processing']['duration_ms']} ms")))

    def _print_content(self, formatted: dict[str, Any]) -> None:
        if formatted["format"] == "markdown" and self.console.is_terminal:
            self.console.print(Markdown(formatted["content"]))
        else:
            self.console.print(Text(formatted["content"]), soft_wrap=True)


def _plain_lines(context: dict[str, Any]) -> list[str]:
    lines = [f"{step.key:<14} {step.state} {step.took}".rstrip() for step in step_lines(context)]
    wanted = [line for line in lines if not line.endswith((" waiting", " running"))]
    return [*wanted, _status_line(context)]


def _status_line(context: dict[str, Any]) -> str:
    waiting = f", waiting for {context['waiting_for']}" if context["waiting_for"] else ""
    return f"{context['id']} {context['status']}{waiting}"


def _panel(context: dict[str, Any]) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    for heading in ("Component", "State", "Time"):
        table.add_column(heading, min_width=12)
    for step in step_lines(context):
        state = Text(step.state, STATE_STYLES[step.state])
        table.add_row(step.key, Spinner("dots", state) if step.state == "running" else state, step.took)
    title = Text(f"{context['data'].get('title', context['id'])}", style="bold")
    return Panel(Group(table, Text(_status_line(context), style="dim")), title=title, expand=False)


def pause() -> None:
    """Wait between two looks at a context."""
    time.sleep(0.05)
