"""Who the caller is."""

from typing import Annotated, Any, Literal, cast

from drf_spectacular.utils import extend_schema
from pydantic import BaseModel, Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from base.clock import to_iso
from users.caller import Caller, caller_of
from users.models import ApiKey, User

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Me(BaseModel):
    """Who is asking and what they may do."""

    kind: Literal["key", "person"]
    id: str
    name: str
    organization_id: str | None = Field(description="Whose rows the caller sees; null: everybody's.")
    scopes: list[str]
    role: str = Field(default="", description="Of a person only.")
    expires_at: Time | None = Field(default=None, description="Of a key only; null: never.")


class MeView(APIView):
    """The caller itself; any key or person may ask."""

    @extend_schema(operation_id="me", responses=Me)
    def get(self, request: Request) -> Response:
        """Return who is asking: an app with its key, or a person with the admin's session."""
        caller = caller_of(request)
        assert caller is not None  # HasScope lets nobody else in
        facts = _key(request.auth) if isinstance(request.auth, ApiKey) else _person(cast(User, request.user))
        return Response(Me(**facts, **_rights(caller)).model_dump(exclude_unset=True))


def _rights(caller: Caller) -> dict[str, Any]:
    return {"organization_id": caller.organization_id, "scopes": sorted(caller.scopes)}


def _key(key: ApiKey) -> dict[str, Any]:
    expires_at = to_iso(key.expires_at) if key.expires_at else None
    return {"kind": "key", "id": key.pk, "name": key.name, "expires_at": expires_at}


def _person(user: User) -> dict[str, Any]:
    return {"kind": "person", "id": user.pk, "name": user.get_full_name(), "role": str(user.role)}
