"""Every change to keys: made, used, revoked."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from base import clock
from base.prepared import Prepared
from base.problems import Fault, InvalidInput
from users.access import Scope
from users.models import DEFAULT_ORGANIZATION_ID, ApiKey, Organization, User
from users.rates import RATE_PATTERN

KEY_PREFIX = "dl_"
SHOWN_PREFIX_LENGTH = 9
LAST_USED_STEP = timedelta(minutes=1)
NAME_MAX_LENGTH = 200


class KeyState(StrEnum):
    """What has become of a key; only an active one opens anything."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"
    ORGANIZATION_INACTIVE = "organization inactive"


def apikey_create(
    *,
    name: str,
    organization: Organization,
    scopes: Iterable[str],
    rate: str = "",
    expires_at: datetime | None = None,
    created_by: User | None = None,
    replaces: ApiKey | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its secret, which cannot be read again.

    Raises:
        InvalidInput: no name, an unknown scope, a rate that is not like ``100/min``, or an expiry in the past.
    """
    wanted = sorted(set(scopes))
    if faults := apikey_faults(name=name, scopes=wanted, rate=rate, expires_at=expires_at):
        raise InvalidInput(faults)
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name,
        organization=organization,
        scopes=wanted,
        rate=rate,
        expires_at=expires_at,
        created_by=created_by,
        replaces=replaces,
        prefix=secret[:SHOWN_PREFIX_LENGTH],
        key_hash=key_hash(secret),
    )
    return key, secret


def apikey_faults(*, name: str, scopes: list[str], rate: str, expires_at: datetime | None) -> list[Fault]:
    """Return what is wrong with a key that somebody wants to make or change."""
    return [*_name_faults(name), *_scope_faults(scopes), *_rate_faults(rate), *_expiry_faults(expires_at)]


def _name_faults(name: str) -> list[Fault]:
    if name.strip() and len(name) <= NAME_MAX_LENGTH and "\x00" not in name:
        return []
    return [Fault("/name", f"Name the key after the app that uses it, in at most {NAME_MAX_LENGTH} characters.")]


def _expiry_faults(expires_at: datetime | None) -> list[Fault]:
    if expires_at is None or expires_at > clock.now():
        return []
    return [Fault("/expires_at", "This lies in the past; name a later time, or none for a key that never expires.")]


def _scope_faults(scopes: list[str]) -> list[Fault]:
    known = [scope.value for scope in Scope]
    if not scopes:
        return [Fault("/scopes", f"Name at least one scope of {', '.join(known)}.")]
    return [
        Fault("/scopes", f"There is no scope {scope!r}; there are {', '.join(known)}.")
        for scope in scopes
        if scope not in known
    ]


def _rate_faults(rate: str) -> list[Fault]:
    if not rate or RATE_PATTERN.fullmatch(rate):
        return []
    return [Fault("/rate", f"{rate!r} is no rate; write a number and sec, min, hour or day, such as 100/min.")]


def key_hash(secret: str) -> str:
    """Hash a key. A plain SHA-256 is enough: the key has 256 random bits, nothing to guess."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


_live_key = Prepared(lambda hash: ApiKey.objects.filter(key_hash=hash, revoked_at=None, organization__is_active=True))


def apikey_find(secret: str) -> ApiKey | None:
    """Return the live key that ``secret`` opens, or None."""
    key = _live_key.find(key_hash(secret))
    return key if key is not None and not _is_expired(key) else None


def apikey_state(key: ApiKey) -> KeyState:
    """Tell whether a key opens anything, and if not, why."""
    if key.revoked_at is not None:
        return KeyState.REVOKED
    if _is_expired(key):
        return KeyState.EXPIRED
    return KeyState.ACTIVE if key.organization.is_active else KeyState.ORGANIZATION_INACTIVE


def _is_expired(key: ApiKey) -> bool:
    return key.expires_at is not None and key.expires_at <= clock.now()


def apikey_touch(key: ApiKey) -> None:
    """Note that the key was used; at most one write a minute."""
    now = clock.now()
    if key.last_used_at is None or now - key.last_used_at >= LAST_USED_STEP:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


def apikey_edit(key: ApiKey) -> None:
    """Store the name, scopes, rate and expiry that were set on a key; never its secret or whose it is.

    Raises:
        InvalidInput: as `apikey_create`.
    """
    key.scopes = sorted(set(key.scopes))
    # an expiry that has passed since may stay as it is
    stored = ApiKey.objects.filter(pk=key.pk).values_list("expires_at", flat=True).first()
    changed = key.expires_at if key.expires_at != stored else None
    if faults := apikey_faults(name=key.name, scopes=key.scopes, rate=key.rate, expires_at=changed):
        raise InvalidInput(faults)
    key.save(update_fields=["name", "scopes", "rate", "expires_at"])


def apikey_revoke(key: ApiKey) -> None:
    """End a key at once; safe to repeat."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=clock.now())


def organization_default() -> Organization:
    """Return the organization that a small installation has, made on first use."""
    organization, _ = Organization.objects.get_or_create(
        id=DEFAULT_ORGANIZATION_ID, defaults={"name": "Default organization"}
    )
    return organization
