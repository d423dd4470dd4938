"""What is still to be told of a batch to one who follows it. Blocking code.

No index has the time of a change, for each checkpoint would have to write it. So a look reads which contexts are in
work, and which ended lately, both from an index; whose revision is not the one that was told has changed. A change is
stamped before it is written: one that was written late stands behind what was told already. So every look goes back
further than a write may take, and so does one who resumes: he may get an event twice, but misses none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from django.conf import settings

from base import clock
from base.clock import from_iso
from contexts.live.events import Change, changes_of, written
from contexts.live.looks import rows_with_history
from contexts.models import Batch, Context
from contexts.selectors import BatchProgress, batches_progress
from contexts.states import ENDED, Status

# A worker tries to write for as long as a lease; the rest is for clocks that differ.
LATE_BEYOND_A_LEASE = timedelta(seconds=10)
CONTEXTS_AT_ONCE = 200
IN_WORK = (Status.PROCESSING, Status.RETRYING)
END_MARK = "-end"
MAX_DIGITS = 15


@dataclass(frozen=True)
class Cursor:
    """Where a stream of a batch stands: up to when all was told, and whether the batch's end was."""

    moment: datetime
    is_end: bool = False

    def __str__(self) -> str:
        return f"{round(self.moment.timestamp() * 1000)}{END_MARK if self.is_end else ''}"

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """Return the cursor that a client sends back.

        Raises:
            ValueError: it is none.
        """
        digits = text.removesuffix(END_MARK)
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= MAX_DIGITS):
            raise ValueError(f"{text[:50]!r} is no cursor.")
        milliseconds = timedelta(milliseconds=int(digits))
        try:
            return cls(datetime.fromtimestamp(0, UTC) + milliseconds, text != digits)
        except OverflowError as exc:
            raise ValueError(f"{text!r} is no cursor.") from exc


class BatchTail:
    """Tells of the changes since a cursor; without one, how the batch stands and then what changes.

    Args:
        since: where the client stands.
    """

    def __init__(self, batch: Batch, since: Cursor | None) -> None:
        self._batch_id = batch.pk
        self._moment = since.moment if since else clock.now()
        self._latest = self._moment
        self._told: dict[str, int] | None = {} if since else None
        self._told_progress: dict[str, Any] | None = None
        self.has_more = False
        self.is_over = False

    def take(self) -> bytes:
        """Return events that were not told yet: of some contexts, and of the batch once all of them were told."""
        batch = Batch.objects.filter(pk=self._batch_id).first()
        if batch is None:  # who asks again learns that it is gone
            self.has_more, self.is_over = False, True
            return b""
        progress = batches_progress([batch])[batch.pk]  # first: what has ended by then is seen in the rows
        window = self._window()
        if self._told is None:
            self._told, self._latest = window, clock.now()  # what ended up to now is told by how the batch stands
        changed = [pk for pk, revision in window.items() if self._told.get(pk) != revision]
        rows = rows_with_history(changed[:CONTEXTS_AT_ONCE])
        parts = [self._context_event(change) for change in self._news_of(rows.values())]
        self._told |= {pk: row.revision for pk, row in rows.items()}
        self.has_more = len(changed) > CONTEXTS_AT_ONCE
        if not self.has_more:
            self._told = {pk: revision for pk, revision in self._told.items() if pk in window}
            parts.append(self._progress_event(batch, progress))
        return b"".join(parts)

    @property
    def _floor(self) -> datetime:
        return self._moment - timedelta(seconds=settings.LEASE_SECONDS) - LATE_BEYOND_A_LEASE

    def _window(self) -> dict[str, int]:
        """Return the revisions of the contexts that may have changed."""
        rows = Context.objects.filter(batch_id=self._batch_id).order_by()
        in_work = rows.filter(status__in=IN_WORK)
        ended = rows.filter(status__in=ENDED, ended_at__gte=self._floor)
        # ended second: what ends between the two queries is in one of them
        return {pk: revision for some in (in_work, ended) for pk, revision in some.values_list("pk", "revision")}

    def _news_of(self, rows: Iterable[Context]) -> list[Change]:
        """Return the changes in the order of their times; those of one context stay in the order of its revisions."""
        assert self._told is not None
        found: list[tuple[datetime, Change]] = []
        for row in rows:
            known = self._told.get(row.pk)
            moment = self._floor
            for change in changes_of(row, after=known or 0):
                is_news = known is not None or from_iso(change.at) >= self._floor
                moment = max(moment, from_iso(change.at))  # the clocks of two workers may differ
                found += [(moment, change)] if is_news else []
        return [change for _, change in sorted(found, key=itemgetter(0))]

    def _context_event(self, change: Change) -> bytes:
        cursor = str(Cursor(self._moment))
        self._latest = max(self._latest, from_iso(change.at))
        return b"".join(written("context", data, cursor) for _, data in change.events)

    def _progress_event(self, batch: Batch, progress: BatchProgress) -> bytes:
        self._moment = self._latest
        told = {
            "id": batch.pk,
            "status": progress.status,
            "total": batch.total,
            "counts": progress.counts,
            "progress": progress.progress,
        }
        self.is_over = progress.status != "processing"
        if told == self._told_progress:
            return b""
        self._told_progress = told
        return written("batch", told, str(Cursor(self._moment, is_end=self.is_over)))
