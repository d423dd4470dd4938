"""``/metrics`` for Prometheus: what this web process did, and what stands in the database.

Who may look: whoever sends METRICS_TOKEN; without such a token programs on this machine only.
"""

import ipaddress
import platform
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, Gauge, ProcessCollector, generate_latest

from base.problem_views import CONTENT_TYPE, only_get, plain_problem
from base.problems import problem_document
from base.version import VERSION
from config.http_metrics import http_registry
from contexts.metrics import StoreCollector

SCHEME = "bearer"
CHALLENGE = 'Bearer realm="draftline metrics"'
WANTED = "Send the token that METRICS_TOKEN names: Authorization: Bearer ..."
LOCAL_ONLY = "Only programs on this machine may look; set METRICS_TOKEN to let others in."
# a proxy says with one of these that somebody else asks
_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")

registry = CollectorRegistry()
ProcessCollector(registry=registry)
registry.register(StoreCollector())
Gauge("draftline_build_info", "Which Draftline this is.", ["version", "python"], registry=registry).labels(
    VERSION, platform.python_version()
).set(1)


@never_cache
@only_get
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer all numbers in Prometheus' text format."""
    if refusal := _refusal(request):
        return refusal
    text = generate_latest(registry) + generate_latest(http_registry)
    return HttpResponse(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _refusal(request: HttpRequest) -> HttpResponse | None:
    if not settings.METRICS_TOKEN:
        return None if _is_local(request) else plain_problem(HTTPStatus.FORBIDDEN, LOCAL_ONLY)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == SCHEME and constant_time_compare(token.strip(), settings.METRICS_TOKEN):
        return None
    return _token_wanted()


def _token_wanted() -> HttpResponse:
    status = HTTPStatus.UNAUTHORIZED
    document = problem_document(status=status, type="not-authenticated", title=status.phrase, detail=WANTED)
    return JsonResponse(document, status=status, headers={"WWW-Authenticate": CHALLENGE}, content_type=CONTENT_TYPE)


def _is_local(request: HttpRequest) -> bool:
    """Tell whether a program on this machine asks for itself; behind a proxy nobody can know."""
    if settings.BEHIND_PROXY or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        peer = ipaddress.ip_address(request.META["REMOTE_ADDR"])
    except ValueError:
        return False
    return (getattr(peer, "ipv4_mapped", None) or peer).is_loopback
