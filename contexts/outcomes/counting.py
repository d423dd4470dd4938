"""Counts what has ended since the last time: a chore, once a minute.

Each end is counted once, however often this is cut off or run twice at the same time:

- A row says up to when it holds all ends. Whoever adds to it adds only what ended after that time, and writes by one
  UPDATE that names the time it has read: of two that count the same ends one matches nothing, and leaves off.
- Where everybody stands says one more row, the cursor. It is moved after all rows are written, and only by whoever has
  written or skipped every one of them. Who dies in between is followed by somebody who reads the same ends again, and
  skips what the rows hold already; it need not be the same portion of them.

What counts is an end as it stands when it is read, half a minute or more after it came. A context that is set going
again after that, and ends again, is a second outcome, with the tokens of its second life; one that was set going again
before it was read was no end.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import IntegrityError

from base import clock
from base.inserting import insert
from base.turns import write_soon
from contexts.outcomes.models import Outcome, OutcomesCounted
from contexts.outcomes.reading import border_after, ended_between, settling
from contexts.outcomes.tally import Ended, Place, Tally, places_of

KEPT = timedelta(days=90)
BACK_AT_FIRST = timedelta(days=14)  # what the home page shows; a database of before is counted so far back
TURN_SECONDS = 15.0
CURSOR = "cursor"
PRUNED_AT_ONCE = 1_000

logger = logging.getLogger(__name__)


def outcomes_count() -> int:
    """Count what has ended and is settled; return how many ends were looked at. The rest waits for the next turn."""
    deadline = time.monotonic() + TURN_SECONDS
    cursor, until, looked_at = _cursor(), clock.now() - settling(), 0
    while cursor < until:
        border = border_after(cursor, until)
        ended = ended_between(cursor, border)
        if not (_add_all(ended, border) and _move(cursor, border)):
            return looked_at  # somebody else counts too: his turn
        cursor, looked_at = border, looked_at + len(ended)
        if cursor < until and time.monotonic() >= deadline:
            logger.warning("outcomes_behind seconds=%s", int((until - cursor).total_seconds()))
            break
    return looked_at


def counted_until() -> datetime | None:
    """Return up to when all is counted; None before the first time."""
    return OutcomesCounted.objects.filter(pk=CURSOR).values_list("until", flat=True).first()


def _cursor() -> datetime:
    found = counted_until()
    if found is None:
        first = (clock.now() - BACK_AT_FIRST).replace(hour=0, minute=0, second=0, microsecond=0)
        try:
            insert([OutcomesCounted(id=CURSOR, until=first)])
        except IntegrityError:  # somebody else was faster
            return _cursor()
        return first
    return found


def _move(read: datetime, to: datetime) -> bool:
    return bool(write_soon(lambda: OutcomesCounted.objects.filter(pk=CURSOR, until=read).update(until=to)))


def _add_all(ended: Iterable[Ended], border: datetime) -> bool:
    """Add to each row what ended up to the border; False where somebody else was faster at one of them."""
    places: dict[Place, list[Ended]] = defaultdict(list)
    for one in ended:
        for place in places_of(one):
            places[place].append(one)
    rows = {row.pk: row for row in Outcome.objects.filter(pk__in=[place.row_id for place in places]).order_by()}
    return all(_add(place, rows.get(place.row_id), found, border) for place, found in places.items())


def _add(place: Place, row: Outcome | None, ended: list[Ended], border: datetime) -> bool:
    if row is None:
        return _insert(place, ended, border)
    fresh = [one for one in ended if one.ended_at > row.counted_until]
    if not fresh:
        return True
    tally = Tally.of_row(row)
    tally.add(fresh)
    unchanged = Outcome.objects.filter(pk=row.pk, counted_until=row.counted_until)
    values = tally.columns() | {"counted_until": border}
    return bool(write_soon(lambda: unchanged.update(**values)))


def _insert(place: Place, ended: list[Ended], border: datetime) -> bool:
    tally = Tally()
    tally.add(ended)
    try:
        insert(
            [
                Outcome(
                    id=place.row_id,
                    span=place.span,
                    start=place.start,
                    organization_id=place.organization_id,
                    type=place.type,
                    template_id=place.template_id,
                    counted_until=border,
                    **tally.columns(),
                )
            ]
        )
    except IntegrityError:
        return False
    return True


def outcomes_prune() -> None:
    """Remove what is older than it is kept, in portions."""
    old = Outcome.objects.filter(span__in=["hour", "day"], start__lt=clock.now() - KEPT)
    ids = list(old.order_by().values_list("pk", flat=True)[:PRUNED_AT_ONCE])
    if ids:
        Outcome.objects.filter(pk__in=ids).delete()
