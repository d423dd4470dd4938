"""What several views of contexts share."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from contexts.idempotency import HEADER, MAX_KEY_LENGTH, Idempotency, idempotency_of
from contexts.submission import Submitter

REPLAYED_HEADER = "Idempotency-Replayed"
# A mebibyte of data, metadata and the rest. Many clients write \u00e9 for what is two bytes: three times as much.
MAX_CONTEXT_BODY_BYTES = 3584 * 1024
MAX_SMALL_BODY_BYTES = 64 * 1024


def idempotency(request: Request, submitter: Submitter, route: str) -> Idempotency | None:
    """Read the Idempotency-Key of a submission."""
    header = request.headers.get(HEADER)
    return idempotency_of(header, organization_id=submitter.organization_id, route=route, body=request.data)


def submitted(document: dict[str, Any], *, status: int, location: str, is_new: bool) -> Response:
    """Answer a submission; a replay says so."""
    headers = {"Location": location} | ({} if is_new else {REPLAYED_HEADER: "true"})
    return Response(document, status=status, headers=headers)


def submission_headers(status: int) -> list[OpenApiParameter]:
    """Return the headers of a submission and its answer, for the schema."""
    return [
        OpenApiParameter(
            HEADER,
            type={"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
            location=OpenApiParameter.HEADER,
            description="Your own name for this request. Sent again with the same body, it answers with the same "
            "resource instead of making another.",
        ),
        _answered("Location", status, OpenApiTypes.STR, "Where the resource is."),
        _answered(REPLAYED_HEADER, status, OpenApiTypes.STR, "`true` where the key had been used before."),
    ]


def _answered(name: str, status: int, type: OpenApiTypes, description: str) -> OpenApiParameter:
    return OpenApiParameter(
        name, type=type, location=OpenApiParameter.HEADER, description=description, response=[status]
    )
