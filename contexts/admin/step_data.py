"""What a step read and wrote, as a page shows it: place by place, words marked, and never more than a page can hold."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from base.difference import InlinePiece, inline_pieces
from base.problems import pointer
from contexts.admin.differences import Difference
from contexts.admin.result_form import leaves, place_text
from contexts.step_changes import Change

PLACES_SHOWN = 60  # of one key
PLACE_CHARACTERS = 6_000
PAGE_CHARACTERS = 600_000
# comparing takes as many steps as one text has words times the other
PAGE_COMPARISONS = 6_000_000
MISSING = object()


@dataclass(frozen=True)
class KeyShown:
    """A key of ``data``.

    Args:
        kind: ``added``, ``changed``, ``same`` (written again as it was), or ``read``.
        left_out: what is not shown of it, in words.
    """

    key: str
    kind: str
    places: list[Difference]
    left_out: str = ""


class Room:
    """How much of values one page still takes; what comes later gets what is left."""

    def __init__(self) -> None:
        self._characters = PAGE_CHARACTERS
        self._comparisons = PAGE_COMPARISONS

    def change_shown(self, change: Change) -> list[KeyShown]:
        """Return each key that a run wrote."""
        return [self._written(key, change.before.get(key, MISSING), value) for key, value in change.after.items()]

    def found_shown(self, change: Change, keys: Iterable[str]) -> list[KeyShown]:
        """Return those of the keys that a run found."""
        return [self._shown(key, "read", change.found[key]) for key in keys if key in change.found]

    def value_shown(self, data: dict[str, Any]) -> list[KeyShown]:
        """Return all of a document."""
        return [self._shown(key, "read", value) for key, value in data.items()]

    def _written(self, key: str, before: Any, after: Any) -> KeyShown:
        if before is MISSING:
            return self._shown(key, "added", after)
        return self._changed(key, before, after) if before != after else KeyShown(key, "same", [])

    def _shown(self, key: str, kind: str, value: Any) -> KeyShown:
        found = list(islice(leaves(value, pointer(key)), PLACES_SHOWN + 1))
        places = [
            Difference(place_text(name), [InlinePiece("same", self._text(text))]) for name, text in found[:PLACES_SHOWN]
        ]
        return KeyShown(key, kind, places, _left_out(len(found)))

    def _changed(self, key: str, before: Any, after: Any) -> KeyShown:
        old, new = dict(leaves(before, pointer(key))), dict(leaves(after, pointer(key)))
        differ = [name for name in (*old, *(name for name in new if name not in old)) if old.get(name) != new.get(name)]
        places = [
            Difference(place_text(name), self._pieces(old.get(name, ""), new.get(name, "")))
            for name in differ[:PLACES_SHOWN]
        ]
        return KeyShown(key, "changed", places, _left_out(len(differ)))

    def _pieces(self, before: str, after: str) -> list[InlinePiece]:
        old, new = self._text(before), self._text(after)
        cost = old.count(" ") * new.count(" ")
        if cost > self._comparisons:
            return [piece for piece in (InlinePiece("gone", old), InlinePiece("new", new)) if piece.text]
        self._comparisons -= cost
        return inline_pieces(old, new)

    def _text(self, text: str) -> str:
        most = min(PLACE_CHARACTERS, self._characters)
        shown = (
            text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters; the API has them)"
        )
        self._characters = max(0, self._characters - len(shown))
        return shown


def _left_out(places: int) -> str:
    return f"The first {PLACES_SHOWN} places are shown; the API has all of them." if places > PLACES_SHOWN else ""
