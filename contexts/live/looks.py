"""Reads which contexts have changed. Blocking code."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from contexts.models import Context
from contexts.states import ENDED

IDS_AT_ONCE = 500
HISTORY = ("status", "revision", "attempts", "updated_at", "moves", "step_runs")
REMOVED = -1  # the revision of a context that is no longer there


@dataclass(frozen=True)
class Seen:
    """A context as somebody was told of it."""

    id: str
    revision: int
    status: str

    @classmethod
    def of(cls, context: Context) -> "Seen":
        return cls(context.pk, context.revision, context.status)

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing more will come."""
        return self.status in ENDED or self.revision == REMOVED


@dataclass(frozen=True)
class Sight:
    """A context that has changed; with its row, of what `HISTORY` names, where that was asked for."""

    seen: Seen
    row: Context | None


def look(known: Mapping[str, int], with_history: Collection[str]) -> dict[str, Sight]:
    """Return the contexts whose revision is not the known one, by their ids.

    Args:
        known: the revision that was last told of each context.
        with_history: those whose rows are wanted too.
    """
    changed = [seen for seen in _stand(known) if seen.revision != known[seen.id]]
    rows = rows_with_history([seen.id for seen in changed if seen.id in with_history])
    # the row was read a moment later, and may be newer
    return {seen.id: Sight(Seen.of(rows[seen.id]) if seen.id in rows else seen, rows.get(seen.id)) for seen in changed}


def _in_parts(ids: Collection[str]) -> Iterator[list[str]]:
    listed = list(ids)
    for start in range(0, len(listed), IDS_AT_ONCE):
        yield listed[start : start + IDS_AT_ONCE]


def _stand(ids: Collection[str]) -> list[Seen]:
    found: list[Seen] = []
    for some in _in_parts(ids):
        rows = Context.objects.filter(pk__in=some).order_by()
        found += [Seen(*row) for row in rows.values_list("pk", "revision", "status")]
    gone = set(ids).difference(seen.id for seen in found)
    return found + [Seen(id, REMOVED, "") for id in gone]


def rows_with_history(ids: Collection[str]) -> dict[str, Context]:
    """Return the rows, of what `HISTORY` names, by their ids."""
    found: dict[str, Context] = {}
    for some in _in_parts(ids):
        found |= {row.pk: row for row in Context.objects.filter(pk__in=some).only(*HISTORY).order_by()}
    return found
