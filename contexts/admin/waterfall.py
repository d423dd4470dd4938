"""A context's way through time, as a picture: a bar for each step run, attempt by attempt, and the waits between them.

Work is drawn to scale. A wait is drawn no longer than a share of all work, or a retry after an hour would leave nothing
of the seconds that a person wants to compare; its length stands beside it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from base.clock import from_iso, milliseconds_between
from components.explanations import explain
from contexts.admin.texts import seconds_text
from contexts.models import Context
from contexts.phases import Phase, phases_of
from contexts.states import OPEN, Status

LINES_DRAWN = 60
WAITS_OF_WORK = 0.5  # all waits together are drawn at most this long, measured by the work
FEWEST_WAITS = 4
LOST_SECONDS = 1.0  # what is shorter lies between the end of a step and its being stored


@dataclass(frozen=True)
class Bar:
    """One line of the picture.

    Args:
        kind: the outcome of a run, ``working``, ``waiting`` or ``stopped``.
        said: all of it in words.
        left, width: percent of the picture.
        run: the number of the step run that it leads to; None for a wait.
        is_cut: whether it was longer than it is drawn.
    """

    name: str
    kind: str
    took: str
    said: str
    left: str
    width: str
    run: int | None = None
    is_cut: bool = False


@dataclass(frozen=True)
class Group:
    """The bars of one attempt; those before, between and after attempts are waits, and have no attempt."""

    attempt: int | None
    bars: list[Bar]


@dataclass(frozen=True)
class Waterfall:
    """The picture; ``left_out`` older lines are not drawn."""

    groups: list[Group]
    total: str
    left_out: int
    is_cut: bool


@dataclass(frozen=True)
class _Line:
    name: str
    kind: str
    said: str
    start: datetime
    end: datetime
    attempt: int | None = None
    run: int | None = None


def waterfall_of(context: Context, now: datetime) -> Waterfall | None:
    """Return the picture of a context; None where nothing has happened yet."""
    lines = _lines(context, now)
    if not lines:
        return None
    shown = lines[-LINES_DRAWN:]
    scale = _Scale(shown)
    groups: list[Group] = []
    for line in shown:
        if not groups or groups[-1].attempt != line.attempt:
            groups.append(Group(line.attempt, []))
        groups[-1].bars.append(scale.bar(line))
    total = seconds_text(milliseconds_between(lines[0].start, max(line.end for line in lines)))
    return Waterfall(groups, total, len(lines) - len(shown), any(bar.is_cut for group in groups for bar in group.bars))


def _lines(context: Context, now: datetime) -> list[_Line]:
    lines = [_run_line(number, run) for number, run in enumerate(context.step_runs, start=1)]
    for phase in phases_of(context, now):
        if phase.status == Status.PROCESSING:
            lines += _without_run(context, phase, lines)
        elif phase.end > phase.start:
            lines.append(_Line(_wait_name(phase), _wait_kind(phase), _wait_said(phase), phase.start, phase.end))
    return sorted(lines, key=lambda line: (line.start, line.end))


def _run_line(number: int, run: dict[str, Any]) -> _Line:
    start = from_iso(run["started_at"])
    end = from_iso(run["ended_at"]) if run.get("ended_at") else start
    error = run.get("error")
    why = f": {explain(error['type'], retryable=error['retryable']).short}" if error else ""
    took = seconds_text(run["duration_ms"])
    said = f"{run['key']}, attempt {run['attempt']}: {run['outcome']} after {took}{why}"
    return _Line(run["key"], run["outcome"], said, start, max(start, end), run["attempt"], number)


def _without_run(context: Context, phase: Phase, lines: Iterable[_Line]) -> list[_Line]:
    """Return a line for work that has no step run: what goes on right now, or was cut short."""
    ends = [line.end for line in lines if line.attempt == phase.attempt and line.end >= phase.start]
    start = max([phase.start, *ends])
    took = seconds_text(milliseconds_between(start, phase.end))
    if phase.is_last and context.status in OPEN:
        return [_Line("at work", "working", f"At work for {took}", start, phase.end, phase.attempt)]
    if phase.is_last or (phase.end - start).total_seconds() < LOST_SECONDS:
        return []
    said = f"At work for {took} without a result: it was cancelled, handed back, or lost with its worker"
    return [_Line("no result", "stopped", said, start, phase.end, phase.attempt)]


def _wait_kind(phase: Phase) -> str:
    return "stopped" if phase.status == Status.FAILED else "waiting"


def _wait_name(phase: Phase) -> str:
    return {Status.PENDING: "in the queue", Status.FAILED: "stood still"}.get(Status(phase.status), "waited")


def _wait_said(phase: Phase) -> str:
    took = seconds_text(milliseconds_between(phase.start, phase.end))
    if phase.status == Status.PENDING:
        return f"Waited {took} in the queue"
    if phase.status == Status.FAILED:
        return f"Stood still for {took}, until it was retried"
    if phase.error:
        return f"Waited {took} for its next try, after {phase.error.get('component')} failed"
    return f"Waited {took} for a worker" + (f": {phase.reason}" if phase.reason else "")


class _Scale:
    """From moments to percent of the picture: work as long as it was, waits no longer than their share."""

    def __init__(self, lines: list[_Line]) -> None:
        moments = sorted({moment for line in lines for moment in (line.start, line.end)})
        work = [(line.start, line.end) for line in lines if line.attempt is not None]
        stretches = [(start, _ms(start, end), _is_work(start, end, work)) for start, end in pairwise(moments)]
        worked = sum(length for _, length, is_work in stretches if is_work)
        waits = sum(not is_work for *_, is_work in stretches)
        most = worked * WAITS_OF_WORK / max(FEWEST_WAITS, waits) if worked else float("inf")
        self._at: dict[datetime, float] = {moments[0]: 0.0}
        drawn = 0.0
        for (_, length, is_work), end in zip(stretches, moments[1:], strict=True):
            drawn += length if is_work else min(length, most)
            self._at[end] = drawn
        self._whole = drawn or 1.0

    def bar(self, line: _Line) -> Bar:
        left, right = self._at[line.start], self._at[line.end]
        length = _ms(line.start, line.end)
        return Bar(
            name=line.name,
            kind=line.kind,
            took=seconds_text(round(length)),
            said=line.said,
            left=_percent(left / self._whole),
            width=_percent((right - left) / self._whole),
            run=line.run,
            is_cut=length - (right - left) > 1,
        )


def _ms(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() * 1000


def _is_work(start: datetime, end: datetime, work: list[tuple[datetime, datetime]]) -> bool:
    return any(begun <= start and end <= over for begun, over in work)


def _percent(share: float) -> str:
    return f"{share * 100:.2f}"
