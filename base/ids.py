"""Ids that sort by the time they were made: a prefix that tells the kind, and a ULID."""

from datetime import datetime, timedelta

from ulid import ULID

ID_MAX_LENGTH = 64
MAX_MILLISECONDS = 2**48 - 1


def new_id(prefix: str) -> str:
    """Return a new id such as ``ctx_01JD...``; ids made later by one process sort later.

    Source: https://github.com/ulid/spec
    """
    return f"{prefix}_{ULID()}"


def first_id_at(prefix: str, moment: datetime, *, shift: timedelta = timedelta(0)) -> str:
    """Return the least id that can be made at ``moment``: ids sort by time, so the primary key finds times too.

    Args:
        shift: moves the moment, for ids that clocks made which differ.
    """
    milliseconds = int((moment.timestamp() + shift.total_seconds()) * 1000)
    within = min(max(0, milliseconds), MAX_MILLISECONDS)
    return f"{prefix}_{ULID.from_bytes(within.to_bytes(6, 'big') + bytes(10))}"
