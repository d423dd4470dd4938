"""Gives an app a new key while the old one still works for a while, so that it can be put in place without a gap."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from base import clock
from base.problems import Conflict, Fault, InvalidInput
from users.models import ApiKey, User
from users.services import KeyState, apikey_create, apikey_revoke, apikey_state

DEFAULT_OVERLAP = timedelta(hours=24)
LONGEST_OVERLAP = timedelta(days=30)
_OVERLAP = re.compile(r"(\d{1,7})(s|m|h|d)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Rotation:
    """What a rotation made.

    Args:
        secret: of the new key; it cannot be read again.
        old_until: when the old key ends.
    """

    key: ApiKey
    secret: str
    old_until: datetime


def overlap_of(text: str) -> timedelta:
    """Read how long the old key shall work, such as ``24h`` or ``0s``.

    Raises:
        InvalidInput: it is no such time.
    """
    found = _OVERLAP.fullmatch(text)
    if found is None:
        raise InvalidInput([Fault("/overlap", f"{text!r} is no time; write a number and s, m, h or d, such as 24h.")])
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def apikey_rotate(key: ApiKey, *, overlap: timedelta = DEFAULT_OVERLAP, created_by: User | None = None) -> Rotation:
    """Make a key with the same rights that replaces this one, which then ends after ``overlap``.

    The new one ends when the old one would have ended: no key lengthens its own life. Safe to repeat where the answer
    was lost: a replacement that was never used is revoked for the next. The new key is stored before the old one's end
    is, so a crash in between leaves a key that nobody knows, and no app without one.

    Raises:
        InvalidInput: the overlap is negative or too long.
        Conflict: the key has ended, its replacement is in use, the key that it replaces still works, or somebody else
            rotates it at this moment.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise InvalidInput([Fault("/overlap", f"Name a time of at most {LONGEST_OVERLAP.days} days.")])
    if (state := apikey_state(key)) != KeyState.ACTIVE:
        raise Conflict(f"{key.pk} is {state}; only an active key is rotated. Make a new one.")
    _refuse_a_chain(key)
    ends_at = _end_before_rotation(key)
    _revoke_unused(key)
    new, secret = apikey_create(
        name=key.name,
        organization=key.organization,
        scopes=key.scopes,
        rate=key.rate,
        expires_at=ends_at,
        created_by=created_by,
        replaces=key,
    )
    until = _earlier(key.expires_at, clock.now() + overlap)
    if _has_rival(new) or not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(expires_at=until):
        apikey_revoke(new)
        raise Conflict(f"Somebody else rotates or revokes {key.pk} at this moment; look at it again, then decide.")
    return Rotation(new, secret, until)


def _has_rival(new: ApiKey) -> bool:
    """Tell whether two came at once; both may see it, and then neither gets a key."""
    return ApiKey.objects.filter(replaces=new.replaces_id, revoked_at=None).exclude(pk=new.pk).exists()


def _refuse_a_chain(key: ApiKey) -> None:
    """Let at most two keys of a chain live: each has the whole rate."""
    if key.replaces is not None and apikey_state(key.replaces) == KeyState.ACTIVE:
        raise Conflict(f"{key.pk} replaces {key.replaces_id}, which still works; revoke that one or wait for its end.")


def _end_before_rotation(key: ApiKey) -> datetime | None:
    """Return when a key would have ended; a rotation whose answer was lost has shortened its life already."""
    first = ApiKey.objects.filter(replaces=key).order_by("pk").first()
    return first.expires_at if first is not None else key.expires_at


def _revoke_unused(key: ApiKey) -> None:
    followers = ApiKey.objects.filter(replaces=key, revoked_at=None)
    followers.filter(last_used_at=None).update(revoked_at=clock.now())
    if follower := followers.first():
        raise Conflict(f"{key.pk} was rotated already, and {follower.pk} is in use; rotate that one.")


def _earlier(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)
