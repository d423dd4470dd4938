"""How many contexts may run beside each other after a worker died with them, and when one is to blame. Pure.

Nobody knows which of a dead worker's contexts killed it. Each loss makes the group smaller in which a context runs:
as many as a worker takes, then 32, then 4, then alone. But workers also die for reasons outside of them: the machine's
memory, an operator, a deployment. So a death proves little; what proves something is to survive, and to die again and
again while alone:

- A process that has ended suspects without dying takes more of their kind at a time: one, two, four, eight. So after
  outside kills hundreds of suspects are cleared in a few rounds. Where a killer is among them, the process dies, and
  the next one begins with one again: the group with the killer is halved, or better, each time.
- Suspects of the last kind, three losses, run alone or among their like: a killer takes nobody else down any more.
- A loss in such a group does not count: it could have been any of them. Only one whose worker dies while it holds
  nothing else comes nearer to blame. It runs strictly alone from then on, and after the fifth such death it is blamed.
- Before a try alone it waits 5, 10, 20, 30 and 30 seconds, so that a burst of kills hits one try at most.

A context that kills its worker each time ends after eight deaths: 95 seconds of waiting, and eight times the second
or two that it takes to notice a death and to start another process: about two minutes. An innocent one is blamed only
if outside kills go on for longer than those 95 seconds and hit its worker five times while it held nothing else.
(Three tries with 5, 15 and 30 seconds were tried: of 300 contexts under 20 kills in 100 seconds one came within one
death of blame.) The waits are the context's own: nobody else waits for them, and only one worker makes room for it
when it is due.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GROUP_AFTER_LOSSES = (None, 32, 4, 1)
LOSSES_WHEN_ALONE = len(GROUP_AFTER_LOSSES) - 1
BACK_OFF_SECONDS = (5.0, 10.0, 20.0, 30.0, 30.0)
TRIES_ALONE = len(BACK_OFF_SECONDS)


class Survivors:
    """Counts the suspects that a process has brought to their end without dying."""

    def __init__(self) -> None:
        self._ended: Counter[int] = Counter()

    def note(self, losses: int) -> None:
        """A context of so many losses has ended."""
        if losses:
            self._ended[losses] += 1

    def like(self, losses: int) -> int:
        """Return how many of at least so many losses have."""
        return sum(count for ended, count in self._ended.items() if ended >= losses)


NOBODY = Survivors()


def group_size(losses: int, most: int, survivors: Survivors = NOBODY) -> int:
    """Return how many contexts may run in one process with a context of that many losses."""
    if losses > LOSSES_WHEN_ALONE:
        return 1
    limit = GROUP_AFTER_LOSSES[losses]
    return most if limit is None else min(limit + survivors.like(losses), most)


def losses_after(losses: int, *, held: int) -> int:
    """Return the losses of a context after its worker died, holding so many contexts."""
    return losses + 1 if losses < LOSSES_WHEN_ALONE or held == 1 else losses


def back_off_seconds(losses: int) -> float:
    """Return how long a context waits for its next try: nothing as long as it runs in groups."""
    if losses < LOSSES_WHEN_ALONE:
        return 0.0
    return BACK_OFF_SECONDS[min(losses - LOSSES_WHEN_ALONE, TRIES_ALONE - 1)]


def is_blamed(losses: int) -> bool:
    """Tell whether a context of so many losses is what killed its worker."""
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


def admit(
    candidates: Sequence[Candidate],
    *,
    running: Iterable[int],
    most: int,
    survivors: Survivors = NOBODY,
    passes_by: bool = False,
) -> Admission:
    """Choose from candidates in their order, given the losses of what runs.

    One that needs a smaller group than there is now stops the line, or it would wait for ever under load.

    Args:
        passes_by: leave such a one to another worker, and go on with the next.
    """
    beside = list(running)
    chosen: list[str] = []
    for candidate in candidates:
        if _may_join(candidate.losses, beside, most, survivors):
            beside.append(candidate.losses)
            chosen.append(candidate.id)
        elif not passes_by:
            return Admission(tuple(chosen), is_blocked=True)
    return Admission(tuple(chosen), is_blocked=False)


def _may_join(losses: int, beside: list[int], most: int, survivors: Survivors) -> bool:
    if not beside:
        return True
    least, greatest = min(*beside, losses), max(*beside, losses)
    if greatest >= LOSSES_WHEN_ALONE > least:
        return False
    return len(beside) < group_size(greatest, most, survivors)
