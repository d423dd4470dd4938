"""How often a key may ask: only where a rate was set for it. 429 with Retry-After beyond."""

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from users.models import ApiKey

if TYPE_CHECKING:  # rest_framework.views reads the setting that names this module
    from rest_framework.views import APIView


class KeyRate(SimpleRateThrottle):
    """Counts a key's requests in the cache, over a sliding window."""

    scope = "key"

    def __init__(self) -> None:
        """Skip DRF's look-up of one rate for all: each key has its own."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        key = request.auth
        if not isinstance(key, ApiKey) or not key.rate:
            return True
        self.rate = key.rate
        self.num_requests, self.duration = self.parse_rate(key.rate)
        return bool(super().allow_request(request, view))

    def get_cache_key(self, request: Request, view: "APIView") -> str:
        return f"key_rate:{request.auth.pk}"
