"""Entity tags: a client asks only for what changed (If-None-Match), and overwrites only what it has seen (If-Match).

Source: https://www.rfc-editor.org/rfc/rfc9110#name-conditional-requests
"""

import hashlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from base.going_on import GoesOn
from base.problems import PreconditionFailed

API_PREFIX = "/api/"
TAG_BYTES = 16
_KEPT_WITHOUT_BODY = ("Cache-Control", "Content-Location", "ETag", "Expires", "RateLimit", "RateLimit-Policy", "Vary")


def tag_of(document: Any) -> str:
    """Return the tag of a JSON document: the same as long as nothing in it changes."""
    return _tag(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))


def weak_tag_of(document: Any) -> str:
    """Return a tag for answers that differ in what nobody needs to be told of, such as an estimate."""
    return f"W/{tag_of(document)}"


def _tag(content: bytes) -> str:
    return f'"{hashlib.blake2b(content, digest_size=TAG_BYTES).hexdigest()}"'


def require_match(request: Request, tag: str | None) -> None:
    """Refuse a change by a client that has not seen the present state; without If-Match everything passes.

    Args:
        tag: of what is there now; None where there is nothing.

    Raises:
        PreconditionFailed: the header names another tag.
    """
    header = request.headers.get("If-Match")
    if header is None:
        return
    # weak ones too, against the RFC: a proxy that compresses weakens our tags, and they tell one state from another
    wanted = _names(header)
    if tag is None or (wanted != {"*"} and _opaque(tag) not in wanted):
        raise PreconditionFailed("It has changed since you read it. Read it again, then decide.")


def wants_match(request: Request) -> bool:
    """Tell whether the client named the state that it wants to change."""
    return "If-Match" in request.headers


def if_match_header() -> OpenApiParameter:
    """Return the header for the schema."""
    return OpenApiParameter(
        "If-Match",
        type=str,
        location=OpenApiParameter.HEADER,
        description="The ETag of what you have read: where somebody changed it since, nothing is done (412).",
    )


def _names(header: str) -> set[str]:
    return {_opaque(tag) for tag in parse_etags(header)}


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/")


def conditional_get(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Tag every answer of the API, and answer 304 without a body to who has it already; a middleware."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        # what goes on has no content yet: whoever makes it later tags it
        if not isinstance(response, HttpResponse) or isinstance(response, GoesOn):
            return response
        return or_not_modified(request, response)

    return middleware


def or_not_modified(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return an answer of the API with its tag, or a 304 in its place; what is no answer to a read as it is."""
    is_read = request.method in ("GET", "HEAD") and request.path.startswith(API_PREFIX)
    return _tagged(request, response) if is_read and response.status_code == HTTPStatus.OK else response


def _tagged(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    response.headers.setdefault("ETag", _tag(response.content))
    # one caller's answer, and to be asked for again each time
    response.headers.setdefault("Cache-Control", "private, no-cache")
    known = _names(request.headers.get("If-None-Match", ""))
    if known != {"*"} and _opaque(response["ETag"]) not in known:
        return response
    kept = {name: response[name] for name in _KEPT_WITHOUT_BODY if response.has_header(name)}
    short = HttpResponseNotModified(headers=kept)
    short.cookies = response.cookies
    return short
