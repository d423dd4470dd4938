"""What one text of a template changed in another: section beside section. Pure.

Sections belong together by their type, the second of a type with the second; what is left over by equal instructions,
so that a section whose type was changed is not told as one that went and one that came.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from base.difference import Difference, difference

Section = Mapping[str, Any]
_FACTS = {"type": "Type", "heading": "Heading", "sections": "Sub-sections", "word_range": "Words"}


@dataclass(frozen=True)
class Fact:
    """A setting of a section that is not the same in both; empty text where there is none."""

    name: str
    old: str
    new: str


@dataclass(frozen=True)
class SectionChange:
    """A section of the old text beside that of the new one.

    Args:
        old, new: None where only the other text has it.
        old_place, new_place: counted from 1; 0 where it is missing.
        is_moved: it stands elsewhere among those that both texts have.
        text: what changed in the instructions; None where they are equal.
    """

    old: Section | None
    new: Section | None
    old_place: int
    new_place: int
    is_moved: bool
    facts: tuple[Fact, ...]
    text: Difference | None

    @property
    def type(self) -> str:
        return str((self.new or self.old or {})["type"])

    @property
    def instructions(self) -> str:
        return str((self.new or self.old or {})["instructions"])

    @property
    def is_changed(self) -> bool:
        return bool(self.facts) or self.text is not None

    @property
    def labels(self) -> tuple[str, ...]:
        """Return what happened to it: added, removed, moved, changed; none of them where nothing did."""
        if self.old is None or self.new is None:
            return ("added",) if self.old is None else ("removed",)
        return (*(["moved"] if self.is_moved else []), *(["changed"] if self.is_changed else []))

    @property
    def only_blanks_differ(self) -> bool:
        return self.text is not None and not any(row.is_changed for row in self.text.rows)


def sections_compared(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[SectionChange]:
    """Return the sections of both structures in the order of the new one; removed ones stand where they stood."""
    before, after = (list(structure["sections"]) if structure else [] for structure in (old, new))
    partner = _partners(before, after)
    stayed = _longest_run(partner[at] for at in range(len(after)) if at in partner)
    gone = [at for at in range(len(before)) if at not in partner.values()]
    changes: list[SectionChange] = []
    for at, section in enumerate(after):
        was_at = partner.get(at)
        if was_at is None:
            changes.append(_change(None, section, 0, at + 1))
            continue
        while gone and was_at in stayed and gone[0] < was_at:
            changes.append(_removed(before, gone.pop(0)))
        changes.append(_change(before[was_at], section, was_at + 1, at + 1, is_moved=was_at not in stayed))
    return [*changes, *(_removed(before, at) for at in gone)]


def summary_of(changes: Iterable[SectionChange]) -> str:
    """Say in a few words what happened: ``1 added, 2 changed``."""
    counts: dict[str, int] = defaultdict(int)
    for change in changes:
        for label in change.labels:
            counts[label] += 1
    told = ", ".join(f"{counts[label]} {label}" for label in ("added", "removed", "moved", "changed") if counts[label])
    return f"Sections: {told}." if told else "Both texts are the same."


def _partners(before: list[Section], after: list[Section]) -> dict[int, int]:
    """Return ``{place in the new text: place in the old one}`` of the sections that are in both."""
    found: dict[int, int] = {}
    for key in ("type", "instructions"):
        free: dict[str, list[int]] = defaultdict(list)
        for at, section in enumerate(before):
            if at not in found.values():
                free[section[key]].append(at)
        for at, section in enumerate(after):
            if at not in found and free[section[key]]:
                found[at] = free[section[key]].pop(0)
    return found


def _longest_run(places: Iterable[int]) -> set[int]:
    """Return the most places that keep their order: whatever else changed its place was moved past them."""
    sequence = list(places)
    ends: list[int] = []  # ends[n]: the index of the smallest last place of a run of n + 1
    before: list[int | None] = []
    for index, place in enumerate(sequence):
        length = bisect_left([sequence[end] for end in ends], place)
        before.append(ends[length - 1] if length else None)
        ends[length : length + 1] = [index]
    run: set[int] = set()
    at = ends[-1] if ends else None
    while at is not None:
        run.add(sequence[at])
        at = before[at]
    return run


def _removed(before: list[Section], at: int) -> SectionChange:
    return _change(before[at], None, at + 1, 0)


def _change(
    old: Section | None, new: Section | None, old_place: int, new_place: int, *, is_moved: bool = False
) -> SectionChange:
    said = [section["instructions"] if section else "" for section in (old, new)]
    return SectionChange(
        old=old,
        new=new,
        old_place=old_place,
        new_place=new_place,
        is_moved=is_moved,
        facts=tuple(_facts(old, new)) if old and new else (),
        text=difference(*said) if said[0] != said[1] else None,
    )


def _facts(old: Section, new: Section) -> Iterable[Fact]:
    for key, name in _FACTS.items():
        before, after = (_text(section.get(key)) for section in (old, new))
        if before != after:
            yield Fact(name, before, after)


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " to ".join(str(part) for part in value)
    return "" if value is None else str(value)
