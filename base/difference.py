"""What a new text changed in an old one. Pure.

`difference` puts paragraph beside paragraph, with the words that came and went; `inline_pieces` makes one text of both.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import zip_longest

# Longer texts are compared as far as that; a comparison costs the square of the length.
COMPARED_CHARACTERS = 100_000
WORDS_COMPARED_AT_ONCE = 2_000
INLINE_WORDS_COMPARED_AT_ONCE = 3_000
_WORDS_AND_BLANKS = re.compile(r"\s+|[^\s]+")


@dataclass(frozen=True)
class Piece:
    """Words that stand together; ``is_changed`` means that the other text lacks them."""

    text: str
    is_changed: bool = False


@dataclass(frozen=True)
class Row:
    """A paragraph of the old text beside its successor in the new one; no pieces where there is none."""

    old: tuple[Piece, ...]
    new: tuple[Piece, ...]

    @property
    def is_changed(self) -> bool:
        return any(piece.is_changed for piece in (*self.old, *self.new))


@dataclass(frozen=True)
class Difference:
    """All rows, and how many words were taken out and put in."""

    rows: tuple[Row, ...]
    old_words: int
    new_words: int
    taken_out: int
    put_in: int

    @property
    def percent(self) -> int:
        """Return which share of all words is in one of the texts only."""
        words = self.old_words + self.new_words
        return round(100 * (self.taken_out + self.put_in) / words) if words else 0


@lru_cache(maxsize=128)
def difference(old: str, new: str) -> Difference:
    """Compare two texts, paragraph by paragraph and within those word by word."""
    before, after = (_paragraphs(text[:COMPARED_CHARACTERS]) for text in (old, new))
    rows = tuple(_rows(before, after))
    return Difference(
        rows=rows,
        old_words=sum(len(paragraph.split()) for paragraph in before),
        new_words=sum(len(paragraph.split()) for paragraph in after),
        taken_out=sum(_changed_words(row.old) for row in rows),
        put_in=sum(_changed_words(row.new) for row in rows),
    )


def _paragraphs(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _changed_words(pieces: tuple[Piece, ...]) -> int:
    return sum(len(piece.text.split()) for piece in pieces if piece.is_changed)


def _rows(before: list[str], after: list[str]) -> Iterator[Row]:
    for kind, old_from, old_to, new_from, new_to in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from (Row((Piece(text),), (Piece(text),)) for text in before[old_from:old_to])
        else:
            pairs = zip_longest(before[old_from:old_to], after[new_from:new_to], fillvalue="")
            yield from (_row(old, new) for old, new in pairs)


def _row(old: str, new: str) -> Row:
    words = old.split(), new.split()
    if not all(words) or max(map(len, words)) > WORDS_COMPARED_AT_ONCE:
        return Row(*((Piece(text, is_changed=True),) if text else () for text in (old, new)))
    codes = SequenceMatcher(None, *words, autojunk=False).get_opcodes()
    return Row(
        tuple(_pieces(words[0], [(kind, start, end) for kind, start, end, _, _ in codes])),
        tuple(_pieces(words[1], [(kind, start, end) for kind, _, _, start, end in codes])),
    )


def _pieces(words: list[str], codes: list[tuple[str, int, int]]) -> Iterator[Piece]:
    for kind, start, end in codes:
        if start < end:
            yield Piece(" ".join(words[start:end]), is_changed=kind != "equal")


@dataclass(frozen=True)
class InlinePiece:
    """Words that stayed (``same``), went (``gone``) or came (``new``)."""

    kind: str
    text: str


def inline_pieces(before: str, after: str) -> list[InlinePiece]:
    """Return two texts as one, word by word; of long ones the whole that went and the whole that came."""
    old, new = _WORDS_AND_BLANKS.findall(before), _WORDS_AND_BLANKS.findall(after)
    if max(len(old), len(new)) > INLINE_WORDS_COMPARED_AT_ONCE:
        return _kept([InlinePiece("gone", before), InlinePiece("new", after)])
    pieces: list[InlinePiece] = []
    for is_same, gone, came in _runs(old, new):
        pieces += [InlinePiece("same", gone)] if is_same else [InlinePiece("gone", gone), InlinePiece("new", came)]
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


def _kept(pieces: list[InlinePiece]) -> list[InlinePiece]:
    return [piece for piece in pieces if piece.text]
