"""What each step run did to ``data``: the values before and after, worked out backwards from how it stands now. Pure.

A run keeps which keys it wrote and what it overwrote, not what it wrote: that stands in ``data``, unless a later run
took its place. So the walk goes from the last run to the first and undoes each as `contexts.rewind` does.
"""

from dataclasses import dataclass
from typing import Any

from contexts.rewind import CORRECTED, DONE_OUTCOMES

Run = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """What became of the keys that a run wrote; a key that is not in ``before`` was not there.

    Args:
        found: all of ``data`` as the run found it.
    """

    before: dict[str, Any]
    after: dict[str, Any]
    found: dict[str, Any]


def changes_of(data: dict[str, Any], step_runs: list[Run], done: list[str]) -> list[Change | None]:
    """Return the change of each run; None where nobody can tell, for a later run of the step took its place.

    Args:
        done: the steps whose results stand in ``data``.
    """
    changes: list[Change | None] = [None] * len(step_runs)
    expected, undone = set(done), set[str]()
    state = dict(data)
    for at in range(len(step_runs) - 1, -1, -1):
        run = step_runs[at]
        key, is_done = run["key"], run["outcome"] in DONE_OUTCOMES
        if is_done and key in expected:
            changes[at], state = _undone(run, state)
            undone.add(key)
            if run["outcome"] != CORRECTED:  # else the run that was corrected comes next, and its result stood there
                expected.discard(key)
        elif not is_done and not undone & _done_before(step_runs, at):
            changes[at] = Change({}, {}, dict(state))
    return changes


def _undone(run: Run, state: dict[str, Any]) -> tuple[Change, dict[str, Any]]:
    after = {key: state[key] for key in run.get("wrote", []) if key in state}
    before = _before(run, after)
    found = {key: value for key, value in state.items() if key not in after} | before
    return Change(before, after, found), found


def _before(run: Run, after: dict[str, Any]) -> dict[str, Any]:
    if run["outcome"] == CORRECTED:
        return {**after, **run.get("correction", {}).get("before", {})}
    replaced = run.get("replaced", {})
    return {key: replaced[key] for key in after if key in replaced}


def _done_before(step_runs: list[Run], at: int) -> set[str]:
    return {run["key"] for run in step_runs[:at] if run["outcome"] in DONE_OUTCOMES}
