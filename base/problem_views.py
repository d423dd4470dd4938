"""Writes every error as problem+json: those of DRF, of Django, of our services, and what nobody foresaw."""

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from base.problems import Fault, Problem, TooLarge, pointer, problem_document

CONTENT_TYPE = "application/problem+json"
HTML_PREFIXES = ("/admin", "/media", "/static")

logger = logging.getLogger(__name__)


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a DRF view raised into a problem; DRF's ``EXCEPTION_HANDLER``."""
    set_rollback()
    if isinstance(exc, RequestDataTooBig):
        exc = TooLarge(str(exc))
    if isinstance(exc, Problem):
        return _response(exc.document(), exc.status)
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    if isinstance(exc, exceptions.APIException):
        return _from_drf(exc)
    return None  # Django's handler500 writes it, after it was logged


def _from_drf(exc: exceptions.APIException) -> Response:
    headers: dict[str, str] = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    faults = list(_faults(exc.detail)) if isinstance(exc, exceptions.ValidationError) else []
    detail = faults[0].message if faults else str(exc.detail)
    return _response(
        problem_document(
            status=exc.status_code,
            type=str(exc.default_code).replace("_", "-"),
            title=HTTPStatus(exc.status_code).phrase,
            detail=detail,
            errors=faults,
        ),
        exc.status_code,
        headers,
    )


def _faults(detail: Any, path: str = "") -> list[Fault]:
    if isinstance(detail, dict):
        return [fault for key, item in detail.items() for fault in _faults(item, path + pointer(key))]
    if isinstance(detail, list):
        return [fault for item in detail for fault in _faults(item, path)]
    return [Fault(path, str(detail))]


def _response(document: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(document, status=status, headers=headers, content_type=CONTENT_TYPE)


def problem_response(problem: Problem) -> JsonResponse:
    """Answer a problem outside of DRF."""
    return JsonResponse(problem.document(), status=problem.status, content_type=CONTENT_TYPE)


def _plain(status: HTTPStatus, detail: str) -> JsonResponse:
    slug = status.phrase.lower().replace(" ", "-")
    document = problem_document(status=status, type=slug, title=status.phrase, detail=detail)
    return JsonResponse(document, status=status, content_type=CONTENT_TYPE)


def _wants_page(request: HttpRequest) -> bool:
    return request.path.startswith(HTML_PREFIXES)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    if isinstance(exception, RequestDataTooBig):
        return problem_response(TooLarge(str(exception)))
    if isinstance(exception, SuspiciousOperation):
        logger.warning("suspicious_request path=%s reason=%s", request.path, exception)
    return _plain(HTTPStatus.BAD_REQUEST, "The request is malformed.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    if _wants_page(request):
        return defaults.permission_denied(request, exception)
    return _plain(HTTPStatus.FORBIDDEN, "This is not allowed.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    if _wants_page(request):
        return defaults.page_not_found(request, exception)
    return _plain(HTTPStatus.NOT_FOUND, f"There is nothing at {request.path}; /api/docs lists what there is.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    if _wants_page(request):
        return defaults.server_error(request)
    return _plain(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side; it was logged.")
