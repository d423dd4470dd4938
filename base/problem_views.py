"""Writes every error as problem+json: those of DRF, of Django, of our services, and what nobody foresaw."""

import logging
import math
import sys
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.views import csrf, defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.views import set_rollback

from base.outage import is_away
from base.problems import Fault, InvalidInput, NotFound, Problem, TooLarge, pointer, problem_document

CONTENT_TYPE = "application/problem+json"
NO_KEY = "Send an API key: Authorization: Bearer dl_...; an administrator makes one, or manage.py apikey create."
ADMIN_PREFIX = "/admin/"
MAX_SHOWN_PATH = 200
DATABASE_AWAY = "The database does not answer. Ask again; send a submission with the same Idempotency-Key."
RETRY_AFTER_SECONDS = 5

logger = logging.getLogger(__name__)


def exception_handler(exc: Exception, context: dict[str, Any]) -> JsonResponse | None:
    """Turn what a DRF view raised into a problem; DRF's ``EXCEPTION_HANDLER``.

    The answer is not left to the view's renderer, which may know no JSON.
    """
    set_rollback()
    if isinstance(exc, RequestDataTooBig):
        exc = TooLarge(str(exc))
    elif isinstance(exc, UnreadablePostError):
        exc = InvalidInput([Fault("", "The connection ended before the body did.")])
    if isinstance(exc, Http404):
        exc = NotFound("There is no such thing.")
    if isinstance(exc, Problem):
        return problem_response(exc)
    if isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    if isinstance(exc, exceptions.APIException):
        return _from_drf(exc)
    if isinstance(exc, Error) and is_away(exc):
        return _database_away(exc)
    return None  # Django's handler500 writes it, after it was logged


def _from_drf(exc: exceptions.APIException) -> JsonResponse:
    headers: dict[str, str] = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    faults = list(_faults(exc.detail)) if isinstance(exc, exceptions.ValidationError) else []
    return _response(
        problem_document(
            status=exc.status_code,
            type=str(exc.default_code).replace("_", "-"),
            title=HTTPStatus(exc.status_code).phrase,
            detail=faults[0].message if faults else _detail(exc),
            errors=faults,
        ),
        exc.status_code,
        headers,
    )


def _detail(exc: exceptions.APIException) -> str:
    """Return what went wrong and what to do about it; DRF says the one only."""
    if exc.detail == exceptions.NotAuthenticated.default_detail:
        return NO_KEY
    if isinstance(exc, exceptions.NotAcceptable) and exc.available_renderers:
        formats = ", ".join(renderer.media_type for renderer in exc.available_renderers)
        return f"This can be had as {formats}; name it in Accept."
    return str(exc.detail)


def _faults(detail: Any, path: str = "") -> list[Fault]:
    if isinstance(detail, dict):
        return [fault for key, item in detail.items() for fault in _faults(item, path + pointer(key))]
    if isinstance(detail, list):
        return [fault for item in detail for fault in _faults(item, path)]
    return [Fault(path, str(detail))]


def _database_away(exc: Error) -> JsonResponse:
    logger.error("database_away reason=%s", exc.__cause__ or exc)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return plain_problem(HTTPStatus.SERVICE_UNAVAILABLE, DATABASE_AWAY, headers)


def _response(document: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> JsonResponse:
    return JsonResponse(document, status=status, headers=headers, content_type=CONTENT_TYPE)


def problem_response(problem: Problem, headers: dict[str, str] | None = None) -> JsonResponse:
    """Answer a problem outside of DRF."""
    return _response(problem.document(), problem.status, headers)


def plain_problem(status: HTTPStatus, detail: str, headers: dict[str, str] | None = None) -> JsonResponse:
    """Answer a status that has no class of its own among the problems."""
    slug = status.phrase.lower().replace(" ", "-")
    document = problem_document(status=status, type=slug, title=status.phrase, detail=detail)
    return _response(document, status, headers)


def _wants_page(request: HttpRequest) -> bool:
    return request.path.startswith(ADMIN_PREFIX)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    if isinstance(exception, RequestDataTooBig):
        return problem_response(TooLarge(str(exception)))
    if isinstance(exception, SuspiciousOperation):
        logger.warning("suspicious_request path=%s reason=%s", request.path, exception)
    return plain_problem(HTTPStatus.BAD_REQUEST, "The request is malformed.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    if _wants_page(request):
        return defaults.permission_denied(request, exception)
    return plain_problem(HTTPStatus.FORBIDDEN, "This is not allowed.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's ``CSRF_FAILURE_VIEW``; views of the API do not come here, they check by themselves."""
    if _wants_page(request):
        return csrf.csrf_failure(request, reason)
    return plain_problem(HTTPStatus.FORBIDDEN, reason or "The CSRF token is missing or wrong.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    if _wants_page(request):
        return defaults.page_not_found(request, exception)
    return problem_response(NotFound(f"There is nothing at {request.path[:MAX_SHOWN_PATH]}; see /api/docs."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    if _wants_page(request):
        return defaults.server_error(request)
    raised = sys.exception()
    if isinstance(raised, Error) and is_away(raised):
        return _database_away(raised)
    return plain_problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side; it was logged.")


def only_get(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Let GET and HEAD in, and answer the rest with a problem; Django's own decorator answers an empty page."""

    @csrf_exempt
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method in ("GET", "HEAD"):
            return view(request, *args, **kwargs)
        return plain_problem(HTTPStatus.METHOD_NOT_ALLOWED, "Ask with GET.", {"Allow": "GET, HEAD"})

    return guarded
