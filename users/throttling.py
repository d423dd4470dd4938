"""Holds a key to its rate, and tells it on every answer how much of it is left. A key without a rate has no limit.

Source: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/11/
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rest_framework.exceptions import Throttled
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from users.models import ApiKey
from users.rates import Count, Rate, rate_of, request_count

if TYPE_CHECKING:  # rest_framework.views reads the setting that names this module
    from rest_framework.views import APIView

POLICY = '"key"'


def request_throttle(request: Request, key: ApiKey) -> None:
    """Count a request, whatever becomes of it; only those that are refused here do not count.

    Raises:
        Throttled: it is one too many.
    """
    if not key.rate:
        return
    rate = rate_of(key.rate)
    count = request_count(key.pk, rate)
    view: APIView = request.parser_context["view"]
    view.headers.update(rate_headers(rate, count))  # DRF writes them on the answer, on an error too
    if not count.is_let_through:
        text = f"This key may ask {rate.quota} times in {rate.window_seconds} seconds."
        raise Throttled(count.more_in_seconds, text)


def rate_headers(rate: Rate, count: Count) -> dict[str, str]:
    """Return the headers that tell a client its limit, and what is left of it."""
    return {
        "RateLimit-Policy": f"{POLICY};q={rate.quota};w={rate.window_seconds}",
        "RateLimit": f"{POLICY};r={count.left};t={count.more_in_seconds}",
    }


class WhoFirst(DefaultContentNegotiation):
    """Choose the format after it is known who asks, so that a format that there is not counts as a request too."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        _ = request.user
        chosen: tuple[BaseRenderer, str] = super().select_renderer(request, renderers, format_suffix)
        return chosen
