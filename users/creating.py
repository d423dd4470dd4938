"""What every route that creates shares: the Idempotency-Key, and an answer that says where the resource is."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from users.idempotency import HEADER, MAX_KEY_LENGTH, Idempotency, idempotency_of

REPLAYED_HEADER = "Idempotency-Replayed"
# printable ASCII; servers take blanks off a header's ends
KEY_PATTERN = "^[!-~]([ -~]*[!-~])?$"


def idempotency(request: Request, *, organization_id: str | None, route: str, body: Any) -> Idempotency | None:
    """Read the Idempotency-Key of a request; None where the client sent none.

    Args:
        organization_id: who owns what is created.
        body: what must be the same the next time, as JSON.

    Raises:
        InvalidInput: it is no key.
    """
    return idempotency_of(request.headers.get(HEADER), organization_id=organization_id, route=route, body=body)


def created(document: dict[str, Any], *, status: int = 201, location: str, is_new: bool) -> Response:
    """Answer a request that creates; a replay says so."""
    headers = {"Location": location} | ({} if is_new else {REPLAYED_HEADER: "true"})
    return Response(document, status=status, headers=headers)


def creating_headers(status: int = 201) -> list[OpenApiParameter]:
    """Return the headers of such a request and its answer, for the schema."""
    return [
        OpenApiParameter(
            HEADER,
            type={"type": "string", "pattern": KEY_PATTERN, "maxLength": MAX_KEY_LENGTH},
            location=OpenApiParameter.HEADER,
            description="Your own name for this request. Sent again with the same body, it answers with the same "
            "resource instead of making another.",
        ),
        _answered("Location", status, "Where the resource is."),
        _answered(REPLAYED_HEADER, status, "`true` where the key had been used before."),
    ]


def _answered(name: str, status: int, description: str) -> OpenApiParameter:
    return OpenApiParameter(
        name, type=OpenApiTypes.STR, location=OpenApiParameter.HEADER, description=description, response=[status]
    )
