"""What every operation of the OpenAPI document has: problems for each status, and how to say who you are."""

import re
from http import HTTPStatus
from typing import Annotated, Any, Literal

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from pydantic import BaseModel, ConfigDict, Field

from base.problem_types import problem_names, problem_types

PROBLEM_TYPE = "application/problem+json"
_DESCRIPTIONS = {
    304: "It is what `If-None-Match` names; there is no body.",
    400: "The input is not valid; `errors` names each place. Nothing was stored.",
    401: "There is no key, or it is unknown, expired or revoked.",
    403: "The key lacks the scope, or the role does not allow it.",
    404: "There is no such thing here, or it is another organization's.",
    406: "None of the formats in `Accept` can be answered.",
    409: "The present state does not allow that; nothing was changed.",
    412: "It has changed since you read it; nothing was changed.",
    413: "The input is larger than the limit. Nothing was stored.",
    415: "The body has another content type than those listed.",
    422: "The Idempotency-Key was used for another body.",
    429: "The key has used up its rate, or its organization the streams that it may open. Ask again after "
    "`Retry-After` seconds.",
    503: "The database does not answer. Ask again after `Retry-After` seconds, a submission with its Idempotency-Key.",
}
_TEXT = {"type": "string"}
# on every answer to a key that has a rate
_RATE_HEADERS = {
    "RateLimit-Policy": {
        "description": "The key's rate, if it has one: `q` requests in `w` seconds.",
        "schema": {**_TEXT, "examples": ['"key";q=100;w=60']},
    },
    "RateLimit": {
        "description": "Of a key with a rate: `r` requests are left; there are more in `t` seconds.",
        "schema": {**_TEXT, "examples": ['"key";r=40;t=12']},
    },
}
_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
}
_TRY_AGAIN_LATER = ("429", "503")


class Fault(BaseModel):
    """One thing that is wrong in the input."""

    path: Annotated[
        str,
        Field(
            description="Where: a JSON pointer into the body such as `/pipeline/0`, `?name` for a parameter of the "
            "address, a header's name for a header; empty for the whole."
        ),
    ]
    message: Annotated[str, Field(description="What is wrong, and what would be right.")]


class Problem(BaseModel):
    """Why a request was refused, as RFC 9457 has it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "/problems/invalid-input",
                "title": "The input is not valid",
                "status": 400,
                "detail": "/pipeline/0: There is no component 'tempalte'.",
                "errors": [{"path": "/pipeline/0", "message": "There is no component 'tempalte'."}],
            }
        }
    )

    type: Annotated[
        str,
        Field(
            description="The kind of problem; as an address on this host it leads to a page about it.",
            json_schema_extra={"enum": problem_types(), "x-enum-varnames": problem_names()},
        ),
    ]
    title: str
    status: int
    detail: Annotated[str, Field(description="What went wrong, and what to do about it.")]
    errors: list[Fault]


def problems(*statuses: int) -> dict[Any, Any]:
    """Return responses for ``extend_schema``, beside those that every operation has."""
    return {(status, PROBLEM_TYPE): Problem for status in statuses}


_TAG_HEADERS = [
    OpenApiParameter(
        "If-None-Match",
        type=str,
        location=OpenApiParameter.HEADER,
        description="The ETag of an answer that you have: while nothing changed, the new one is 304 without a body.",
    ),
    OpenApiParameter(
        "ETag",
        type=str,
        location=OpenApiParameter.HEADER,
        description="Changes with everything in the answer that can be seen.",
        response=[200],
    ),
]


class ProblemSchema(AutoSchema):
    """Adds to every operation what any operation of its kind takes and can answer: tags, and problems."""

    def get_override_parameters(self) -> list[Any]:
        """Return the headers of a reading operation, beside those that the view names."""
        own: list[Any] = list(super().get_override_parameters())
        return [*own, *_TAG_HEADERS] if self.method == "GET" else own

    def get_summary(self) -> str:
        """Return the first sentence of the view's words, short enough for a list."""
        words = " ".join(str(super().get_description()).split())
        return re.split(r"[.;] |[.;]$", words, maxsplit=1)[0]

    def get_description(self) -> str:  # type: ignore[override]  # the stubs know DRF's own schema only
        """Return the view's words, and which scope a key needs."""
        name = "read_scope" if self.method == "GET" else "write_scope"
        scope = getattr(self.view, name, None)
        needs = f"Needs the scope `{scope.value}`." if scope else "Any key may."
        return f"{super().get_description()}\n\n{needs}"

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status in self._problem_statuses():
            if str(status) not in bodies:
                bodies[str(status)] = self._get_response_for_code(  # type: ignore[no-untyped-call]
                    Problem, str(status), [PROBLEM_TYPE], direction
                )
        if self.method == "GET":
            bodies["304"] = {}
        for code, body in bodies.items():
            if not body.get("description"):
                body["description"] = _DESCRIPTIONS.get(int(code), HTTPStatus(int(code)).phrase)
            if headers := self._headers(code):
                body["headers"] = {**body.get("headers", {}), **headers}
        return dict(sorted(bodies.items()))

    def _headers(self, status: str) -> dict[str, Any]:
        rate = _RATE_HEADERS if self.get_auth() else {}
        return {**rate, **(_RETRY_AFTER if status in _TRY_AGAIN_LATER else {})}

    def _problem_statuses(self) -> list[int]:
        statuses = [400, 406, 503]
        if self.get_auth():
            statuses += [401, 403, 429]
        if "{" in self.path:
            statuses.append(404)
        if self._get_request_body() is not None:  # type: ignore[no-untyped-call]
            statuses += [413, 415]
        return statuses


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The bearer key of a client app."""

    target_class = "users.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer dl_...`"}


class AdminSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The session of somebody who is logged in to the admin."""

    target_class = "users.authentication.AdminSessionAuthentication"
    name = "adminSession"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The admin's session; writing requests need the header X-CSRFToken too.",
        }
