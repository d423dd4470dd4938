"""How many contexts may run beside each other after a worker died with them. Pure.

Nobody knows which of a dead worker's contexts killed it. Each loss makes the group smaller in which a context runs:
512, then 32, then 4, then alone. So only a context whose worker died while it ran alone is blamed for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GROUP_AFTER_LOSSES = (None, 32, 4, 1)
LOSSES_WHEN_ALONE = len(GROUP_AFTER_LOSSES) - 1


def group_size(losses: int, most: int) -> int:
    """Return how many contexts may run in one process with a context of that many losses."""
    limit = GROUP_AFTER_LOSSES[min(losses, LOSSES_WHEN_ALONE)]
    return most if limit is None else min(limit, most)


@dataclass(frozen=True)
class Candidate:
    """A context that could be claimed now."""

    id: str
    losses: int = 0


@dataclass(frozen=True)
class Admission:
    """What may be claimed: ``ids``, and whether someone waits until there are fewer beside it."""

    ids: tuple[str, ...]
    is_blocked: bool


def admit(candidates: Sequence[Candidate], *, running: Iterable[int], most: int, passes_by: bool = False) -> Admission:
    """Choose from candidates in their order, given the losses of what runs.

    One that needs a smaller group than there is now stops the line, or it would wait for ever under load.

    Args:
        passes_by: leave such a one to another worker, and go on with the next.
    """
    losses = list(running)
    count = len(losses)
    limit = min((group_size(value, most) for value in losses), default=most)
    chosen: list[str] = []
    for candidate in candidates:
        limit_with = min(limit, group_size(candidate.losses, most))
        if count >= limit_with and passes_by:
            continue
        if count >= limit_with:
            return Admission(tuple(chosen), is_blocked=True)
        limit = limit_with
        count += 1
        chosen.append(candidate.id)
    return Admission(tuple(chosen), is_blocked=False)
