"""Ids that sort by the time they were made: a prefix that tells the kind, and a ULID."""

from ulid import ULID

ID_MAX_LENGTH = 64


def new_id(prefix: str) -> str:
    """Return a new id such as ``ctx_01JD...``; ids made later by one process sort later.

    Source: https://github.com/ulid/spec
    """
    return f"{prefix}_{ULID()}"
