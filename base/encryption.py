"""Keeps secrets in the database so that who reads the database alone cannot read them.

The keys follow from SECRET_KEY and, for what was written before it was changed, from SECRET_KEY_FALLBACKS. A stored
secret is a token that only `decrypt` turns back: a row that is logged or shown by mistake gives nothing away.

Source: https://cryptography.io/en/latest/fernet/
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from base.problems import Conflict

PURPOSE = b"draftline: secrets at rest"


class Unreadable(Conflict):
    """A stored secret was encrypted with a key that is no longer there."""


def encrypt(text: str) -> str:
    """Return a token to be stored in place of ``text``; the same text becomes another token each time."""
    return _keys().encrypt(text.encode()).decode("ascii")


def decrypt(token: str) -> str:
    """Return the text of a token.

    Raises:
        Unreadable: SECRET_KEY was changed, and the old one is not in SECRET_KEY_FALLBACKS.
    """
    try:
        return _keys().decrypt(token.encode("ascii")).decode()
    except InvalidToken:
        raise Unreadable(
            "A stored secret cannot be read: SECRET_KEY has changed. Put the old key into SECRET_KEY_FALLBACKS, "
            "or set the secret anew."
        ) from None


def is_readable(token: str) -> bool:
    """Tell whether `decrypt` turns a token back."""
    try:
        decrypt(token)
    except Unreadable:
        return False
    return True


def is_current(token: str) -> bool:
    """Tell whether a token needs no key but the present SECRET_KEY."""
    try:
        Fernet(_derived(settings.SECRET_KEY)).decrypt(token.encode("ascii"))
    except InvalidToken:
        return False
    return True


def _keys() -> MultiFernet:
    return _keys_of(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@lru_cache(maxsize=8)
def _keys_of(*secret_keys: str) -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in secret_keys])


def _derived(secret_key: str) -> bytes:
    raw = HKDF(SHA256(), length=32, salt=None, info=PURPOSE).derive(secret_key.encode())
    return base64.urlsafe_b64encode(raw)
