"""Takes a context's data back to before a step: the undo of checkpoints. Pure.

Every step run keeps which keys it wrote and, where it overwrote one, the value from before (``replaced``). So the
data before any step can be had without storing it twice.
"""

from typing import Any

CORRECTED = "corrected"  # a person wrote the result of the step
DONE_OUTCOMES = ("completed", "skipped", CORRECTED)


def rewind(data: dict[str, Any], step_runs: list[dict[str, Any]], steps: set[str]) -> dict[str, Any]:
    """Return ``data`` without what the last finished runs of ``steps`` did to it."""
    result = dict(data)
    pending = set(steps)
    for run in reversed(step_runs):
        if run["key"] not in pending or run["outcome"] not in DONE_OUTCOMES:
            continue
        pending.discard(run["key"])
        for key in run.get("wrote", []):
            if key in run.get("replaced", {}):
                result[key] = run["replaced"][key]
            else:
                result.pop(key, None)
    return result


def keys_written_by(step_runs: list[dict[str, Any]], steps: set[str]) -> dict[str, str]:
    """Return ``{data key: step key}`` for what the last finished runs of ``steps`` wrote."""
    last = {run["key"]: run for run in step_runs if run["key"] in steps and run["outcome"] in DONE_OUTCOMES}
    return {key: run["key"] for run in step_runs if last.get(run["key"]) is run for key in run.get("wrote", [])}


def merge_patch(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Apply a JSON merge patch: null removes, objects merge, everything else replaces.

    Source: https://www.rfc-editor.org/rfc/rfc7396
    """
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = merge_patch(below if isinstance(below, dict) else {}, value)
        else:
            result[key] = value
    return result
