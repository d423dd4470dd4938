"""What a person did to a context, and why: the part of the log of moves that is about people. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from base.problems import Fault, InvalidInput
from base.strict_json import faults_in

MAX_WHY = 500


@dataclass(frozen=True)
class Act:
    """Who wished for a move, and why.

    Args:
        by: the id of a person or of a key.
        name: of the person, as it was then: people are renamed and leave.
        did: in words, such as ``retried from the start``.
        operation: the bulk operation that it was part of.
    """

    by: str = ""
    name: str = ""
    did: str = ""
    why: str = ""
    operation: str = ""

    def document(self) -> dict[str, str]:
        """Return the entry's part, without what is empty."""
        return {key: value for key, value in vars(self).items() if value}

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "Act | None":
        """Return what an entry of the log says of a person; None where no person moved."""
        found = entry.get("act")
        return cls(**found) if found else None


def why_read(text: str, *, is_required: bool = False) -> str:
    """Return a reason as it can be stored.

    Raises:
        InvalidInput: it is too long, is lacking where it must not, or holds what is no text.
    """
    why = " ".join(text.split())
    if is_required and not why:
        raise InvalidInput([Fault("/why", "Say why: whoever reads the history later will want to know.")])
    if len(why) > MAX_WHY:
        raise InvalidInput([Fault("/why", f"Say it in at most {MAX_WHY} characters; these are {len(why)}.")])
    if faults := faults_in(why, "/why"):
        raise InvalidInput(faults)
    return why


def is_part_of(moves: list[dict[str, Any]], operation: str) -> bool:
    """Tell whether a bulk operation has moved the context that has this log."""
    return any((entry.get("act") or {}).get("operation") == operation for entry in moves)
