"""What a person has changed in a result: place by place, words that went and words that came. Pure."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from contexts.admin.result_form import leaves, place_text

# Comparing takes the square of the number of words.
MOST_WORDS = 3_000
_WORDS = re.compile(r"\s+|[^\s]+")


@dataclass(frozen=True)
class Piece:
    """Words that stayed (``same``), went (``gone``) or came (``new``)."""

    kind: str
    text: str


@dataclass(frozen=True)
class Difference:
    """What changed at one place; ``pieces`` in reading order."""

    place: str
    pieces: list[Piece]


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    """Return every place where two results differ, those that only one of them has included."""
    old, new = dict(leaves(before)), dict(leaves(after))
    places = [*old, *(name for name in new if name not in old)]
    return [
        Difference(place_text(name), pieces_of(old.get(name, ""), new.get(name, "")))
        for name in places
        if old.get(name) != new.get(name)
    ]


def pieces_of(before: str, after: str) -> list[Piece]:
    """Return two texts as one, word by word; of long ones the whole that went and the whole that came."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if max(len(old), len(new)) > MOST_WORDS:
        return _kept([Piece("gone", before), Piece("new", after)])
    pieces: list[Piece] = []
    for is_same, gone, came in _runs(old, new):
        pieces += [Piece("same", gone)] if is_same else [Piece("gone", gone), Piece("new", came)]
    return _kept(pieces)


def _runs(old: list[str], new: list[str]) -> list[tuple[bool, str, str]]:
    """Return stretches that stayed or changed; a blank that stayed between two changes belongs to them."""
    found: list[tuple[bool, str, str]] = []
    opcodes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for at, (kind, start, end, from_, to) in enumerate(opcodes):
        gone, came = "".join(old[start:end]), "".join(new[from_:to])
        is_between = 0 < at < len(opcodes) - 1
        is_same = kind == "equal" and not (is_between and not gone.strip())
        if found and found[-1][0] == is_same:
            _, gone_before, came_before = found.pop()
            gone, came = gone_before + gone, came_before + came
        found.append((is_same, gone, came))
    return found


def _kept(pieces: list[Piece]) -> list[Piece]:
    return [piece for piece in pieces if piece.text]
