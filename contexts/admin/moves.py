"""Retry and cancel from the admin: calls the services and says in messages what came of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.contrib import messages
from django.http import HttpRequest

from base.problems import Problem
from contexts.acts import Act
from users.models import User

REASONS_SHOWN = 5


def act_of(request: HttpRequest, did: str, why: str = "", operation: str = "") -> Act:
    """Return what the log of a context is to keep of who made a move."""
    person = request.user
    assert isinstance(person, User)  # the admin lets nobody else in
    return Act(person.pk, person.get_full_name(), did, why, operation)


@dataclass
class Tally:
    """What came of a wish about several contexts."""

    done: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def on_each(ids: Iterable[str], move: Callable[[str], object]) -> Tally:
    """Make a move with each context by itself: one that is refused does not stop the others."""
    tally = Tally()
    for context_id in ids:
        try:
            move(context_id)
            tally.done.append(context_id)
        except Problem as problem:
            tally.refused.append(problem.detail)
    return tally


def tell(request: HttpRequest, tally: Tally, *, one: str, many: str) -> None:
    """Show how many succeeded, how many did not, and why.

    Args:
        one, many: what happened, after the number: "context is set going again".
    """
    if tally.done:
        messages.success(request, f"{len(tally.done)} {one if len(tally.done) == 1 else many}.")
    if tally.refused:
        reasons = " ".join(tally.refused[:REASONS_SHOWN])
        rest = len(tally.refused) - REASONS_SHOWN
        left = "1 was left as it is" if len(tally.refused) == 1 else f"{len(tally.refused)} were left as they are"
        messages.warning(request, f"{left}: {reasons}{f' And {rest} more.' if rest > 0 else ''}")


def attempt(request: HttpRequest, move: Callable[[], object], *, success: str) -> bool:
    """Make one move; show that it was made, or why not. Nothing was changed where it was not."""
    try:
        move()
    except Problem as problem:
        messages.error(request, problem.detail)
        return False
    messages.success(request, success)
    return True
