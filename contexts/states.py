"""The statuses of a context and the moves between them. Pure; every conditional update takes its sources from here."""

from enum import StrEnum


class Status(StrEnum):
    """Where a context stands. ``held`` is a bulk submission's row before its commit point; nobody sees it."""

    HELD = "held"
    PENDING = "pending"
    PROCESSING = "processing"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Move(StrEnum):
    """What can happen to a context. One word each, used in logs too."""

    RELEASE = "release"
    CLAIM = "claim"
    CHECKPOINT = "checkpoint"
    COMPLETE = "complete"
    FAIL = "fail"
    RETRY_LATER = "retry_later"
    HAND_BACK = "hand_back"
    RETRY = "retry"
    CANCEL = "cancel"


_S = Status
# move -> (the statuses it comes from, the one it leads to)
MOVES: dict[Move, tuple[frozenset[Status], Status]] = {
    Move.RELEASE: (frozenset({_S.HELD}), _S.PENDING),
    Move.CLAIM: (frozenset({_S.PENDING, _S.RETRYING}), _S.PROCESSING),
    Move.CHECKPOINT: (frozenset({_S.PROCESSING}), _S.PROCESSING),
    Move.COMPLETE: (frozenset({_S.PROCESSING}), _S.COMPLETED),
    Move.FAIL: (frozenset({_S.PROCESSING}), _S.FAILED),
    Move.RETRY_LATER: (frozenset({_S.PROCESSING}), _S.RETRYING),
    Move.HAND_BACK: (frozenset({_S.PROCESSING}), _S.RETRYING),
    Move.RETRY: (frozenset({_S.FAILED}), _S.RETRYING),
    Move.CANCEL: (frozenset({_S.PENDING, _S.PROCESSING, _S.RETRYING}), _S.CANCELLED),
}

VISIBLE = tuple(status for status in Status if status is not Status.HELD)
OPEN = (Status.PENDING, Status.PROCESSING, Status.RETRYING)
ENDED = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


def sources(move: Move) -> list[str]:
    """Return the statuses that a move may come from, for ``filter(status__in=...)``."""
    return sorted(status.value for status in MOVES[move][0])


def target(move: Move) -> str:
    """Return the status that a move leads to."""
    return MOVES[move][1].value
