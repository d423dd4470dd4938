"""The secrets of endpoints: read, replaced, encrypted anew."""

import logging
from datetime import timedelta

from django.conf import settings

from base import clock
from base.encryption import Unreadable, decrypt, encrypt, is_current, is_readable
from base.ids import ID_MAX_LENGTH
from base.problems import Busy, NotFound
from contexts.webhooks.models import WebhookEndpoint
from contexts.webhooks.secrets import new_secret

OVERLAP = timedelta(hours=24)

logger = logging.getLogger(__name__)


def endpoint_not_found(endpoint_id: str) -> NotFound:
    """Return what is raised where an endpoint is not there, or not any more."""
    return NotFound(f"There is no webhook {endpoint_id[:ID_MAX_LENGTH]!r}.")


def endpoint_first_secret(endpoint: WebhookEndpoint) -> str:
    """Return the secret that an endpoint was made with; empty once it was rotated."""
    return decrypt(endpoint.secret) if endpoint.previous_secret_until is None else ""


def endpoint_rotate(endpoint: WebhookEndpoint) -> str:
    """Give an endpoint a new secret and return it; the old one signs too for a day.

    Asked again within that day, the old one goes on to its end: the secret between the two may never have arrived.
    Of two at the same moment one wins: the secret of the other would never sign.

    Raises:
        Busy: somebody else was faster.
        NotFound: it was removed meanwhile.
    """
    secret, now, until = new_secret(), clock.now(), endpoint.previous_secret_until
    as_read = WebhookEndpoint.objects.filter(pk=endpoint.pk, secret=endpoint.secret)
    if until is None or until <= now:
        endpoint.previous_secret, endpoint.previous_secret_until = endpoint.secret, now + OVERLAP
    if not is_readable(endpoint.previous_secret):  # it would keep the new one from signing
        endpoint.previous_secret = ""
    endpoint.secret = encrypt(secret)
    names = ("secret", "previous_secret", "previous_secret_until")
    if not as_read.update(**{name: getattr(endpoint, name) for name in names}):
        raise _why_not_rotated(endpoint)
    return secret


def _why_not_rotated(endpoint: WebhookEndpoint) -> Busy | NotFound:
    if WebhookEndpoint.objects.filter(pk=endpoint.pk).exists():
        return Busy(f"Somebody else gives {endpoint.pk} a new secret at this moment; ask again if you need another.")
    return endpoint_not_found(endpoint.pk)


def endpoint_secrets(endpoint: WebhookEndpoint) -> list[str]:
    """Return the secrets that sign now, the newest first.

    Raises:
        Unreadable: SECRET_KEY was changed.
    """
    tokens = [endpoint.secret]
    until = endpoint.previous_secret_until
    if endpoint.previous_secret and until is not None and until > clock.now():
        tokens.append(endpoint.previous_secret)
    return [decrypt(token) for token in tokens]


def secrets_reencrypt() -> int:
    """Encrypt anew what still needs a former SECRET_KEY, so that it may be forgotten. Return how many rows."""
    if not settings.SECRET_KEY_FALLBACKS:
        return 0
    changed = 0
    for row in WebhookEndpoint.objects.all():
        try:
            changed += sum(_reencrypt(row, name) for name in ("secret", "previous_secret"))
        except Unreadable:  # its deliveries say so too; the others must not wait for it
            logger.warning("webhook_secret_unreadable webhook=%s", row.pk)
    return changed


def _reencrypt(row: WebhookEndpoint, name: str) -> int:
    token = getattr(row, name)
    if not token or is_current(token):
        return 0
    return WebhookEndpoint.objects.filter(pk=row.pk, **{name: token}).update(**{name: encrypt(decrypt(token))})
