"""How a request says who it is: an API key, or the admin's session."""

from typing import Any

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from users.models import ApiKey, User
from users.services import KEY_PREFIX, apikey_find, apikey_touch
from users.throttling import request_throttle

SCHEME = "bearer"


class ApiKeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer dl_...``; sets ``request.auth`` to the key, ``request.user`` to None."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        header = request.headers.get("Authorization", "")
        scheme, _, secret = header.partition(" ")
        if not header:
            return None
        if scheme.lower() != SCHEME or not secret.startswith(KEY_PREFIX):
            raise AuthenticationFailed("Send the key as 'Authorization: Bearer dl_...'.")
        key = apikey_find(secret.strip())
        if key is None:
            raise AuthenticationFailed("This key is unknown, expired or revoked.")
        apikey_touch(key)
        request_throttle(request, key)
        return None, key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="draftline"'


class AdminSessionAuthentication(SessionAuthentication):
    """The admin's session: staff only, with CSRF protection."""

    def authenticate(self, request: Request) -> tuple[User, Any] | None:
        found = super().authenticate(request)
        return found if found is not None and found[0].is_staff else None
