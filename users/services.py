"""Every change to keys: made, used, revoked."""

import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from base import clock
from base.problems import Fault, InvalidInput
from users.access import Scope
from users.models import DEFAULT_ORGANIZATION_ID, ApiKey, Organization, User

KEY_PREFIX = "dl_"
SHOWN_PREFIX_LENGTH = 9
LAST_USED_STEP = timedelta(minutes=1)
RATE_PATTERN = re.compile(r"^[1-9]\d{0,8}/(sec|min|hour|day)$")


def apikey_create(
    *,
    name: str,
    organization: Organization,
    scopes: Iterable[str],
    rate: str = "",
    expires_at: datetime | None = None,
    created_by: User | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its secret, which cannot be read again.

    Raises:
        InvalidInput: an unknown scope, or a rate that is not like ``100/min``.
    """
    wanted = sorted(set(scopes))
    faults = [*_scope_faults(wanted), *_rate_faults(rate)]
    if faults:
        raise InvalidInput(faults)
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name,
        organization=organization,
        scopes=wanted,
        rate=rate,
        expires_at=expires_at,
        created_by=created_by,
        prefix=secret[:SHOWN_PREFIX_LENGTH],
        key_hash=key_hash(secret),
    )
    return key, secret


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
    if not rate or RATE_PATTERN.match(rate):
        return []
    return [Fault("/rate", f"{rate!r} is no rate; write a number and sec, min, hour or day, such as 100/min.")]


def key_hash(secret: str) -> str:
    """Hash a key. A plain SHA-256 is enough: the key has 256 random bits, nothing to guess."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def apikey_find(secret: str) -> ApiKey | None:
    """Return the live key that ``secret`` opens, or None."""
    key = ApiKey.objects.select_related("organization").filter(key_hash=key_hash(secret)).first()
    if key is None or key.revoked_at is not None or not key.organization.is_active:
        return None
    return None if key.expires_at is not None and key.expires_at <= clock.now() else key


def apikey_touch(key: ApiKey) -> None:
    """Note that the key was used; at most one write a minute."""
    now = clock.now()
    if key.last_used_at is None or now - key.last_used_at >= LAST_USED_STEP:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


def apikey_revoke(key: ApiKey) -> None:
    """End a key at once; safe to repeat."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=clock.now())


def organization_default() -> Organization:
    """Return the organization that a small installation has, made on first use."""
    organization, _ = Organization.objects.get_or_create(
        id=DEFAULT_ORGANIZATION_ID, defaults={"name": "Default organization"}
    )
    return organization
