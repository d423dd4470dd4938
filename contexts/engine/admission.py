"""How many contexts may run beside each other after a worker died with them, and when one is to blame. Pure.

Nobody knows which of a dead worker's contexts killed it. Each loss makes the group smaller in which a context runs:
512, then 32, then 4, then alone. But workers also die for reasons outside of them: the machine's memory, an operator,
a deployment. So one death while alone proves little: a context is blamed only after three of them in a row, and it
waits 5, 15 and 30 seconds before the tries alone. Figures:

- A context that kills its worker each time ends after six deaths: 50 seconds of waiting, and six times the second or
  two that it takes to notice a death and to start another process. About a minute, two at the most.
- An innocent one is blamed only if outside kills hit its worker six times, the last three just while it ran alone and
  at least 15 and 30 seconds apart. A burst of kills, however dense, hits one try at most: the next comes after it.
- The waits are the context's own. Nobody waits for them, and only one worker makes room for it when it is due.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GROUP_AFTER_LOSSES = (None, 32, 4, 1)
LOSSES_WHEN_ALONE = len(GROUP_AFTER_LOSSES) - 1
BACK_OFF_SECONDS = (5.0, 15.0, 30.0)
TRIES_ALONE = len(BACK_OFF_SECONDS)


def group_size(losses: int, most: int) -> int:
    """Return how many contexts may run in one process with a context of that many losses."""
    limit = GROUP_AFTER_LOSSES[min(losses, LOSSES_WHEN_ALONE)]
    return most if limit is None else min(limit, most)


def back_off_seconds(losses: int) -> float:
    """Return how long a context waits for its next try: nothing as long as it runs in groups."""
    if losses < LOSSES_WHEN_ALONE:
        return 0.0
    return BACK_OFF_SECONDS[min(losses - LOSSES_WHEN_ALONE, TRIES_ALONE - 1)]


def is_blamed(losses: int) -> bool:
    """Tell whether a context whose worker has died so many times is what killed it."""
    return losses >= LOSSES_WHEN_ALONE + TRIES_ALONE


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
