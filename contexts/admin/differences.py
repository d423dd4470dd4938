"""What a person has changed in a result: place by place, words that went and words that came. Pure."""

from dataclasses import dataclass
from typing import Any

from base.difference import InlinePiece, inline_pieces
from contexts.admin.result_form import leaves, place_text


@dataclass(frozen=True)
class Difference:
    """What changed at one place; ``pieces`` in reading order."""

    place: str
    pieces: list[InlinePiece]


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    """Return every place where two results differ, those that only one of them has included."""
    old, new = dict(leaves(before)), dict(leaves(after))
    places = [*old, *(name for name in new if name not in old)]
    return [
        Difference(place_text(name), inline_pieces(old.get(name, ""), new.get(name, "")))
        for name in places
        if old.get(name) != new.get(name)
    ]
