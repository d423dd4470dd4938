"""Counts the requests of this process by route and status, and how long they took."""

import time
from collections.abc import Callable
from http import HTTPMethod

from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

NO_ROUTE = "none"
OTHER_METHOD = "OTHER"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_METHODS = frozenset(HTTPMethod)

# they would be a series more for each, which says what the process's start says
disable_created_metrics()  # type: ignore[no-untyped-call]
http_registry = CollectorRegistry()
requests_total = Counter(
    "draftline_http_requests", "Requests that were answered.", ["method", "route", "status"], registry=http_registry
)
request_seconds = Histogram(
    "draftline_http_request_seconds",
    "How long an answer took, without the time in which the body came.",
    ["method", "route"],
    buckets=BUCKETS,
    registry=http_registry,
)


class HttpMetrics:
    """A middleware; the first one, so that what the others answer counts too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self._get_response(request)
        method, route = _method_of(request), _route_of(request)
        requests_total.labels(method, route, response.status_code).inc()
        request_seconds.labels(method, route).observe(time.perf_counter() - began)
        return response


def _method_of(request: HttpRequest) -> str:
    # anybody can make methods and paths up; each would be a series for ever
    return request.method if request.method in _METHODS else OTHER_METHOD


def _route_of(request: HttpRequest) -> str:
    match = request.resolver_match
    return f"/{match.route}" if match else NO_ROUTE
