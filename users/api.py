"""Who the caller is, and a new key for it."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal, cast

from drf_spectacular.utils import extend_schema
from pydantic import BaseModel, ConfigDict, Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from base.clock import to_iso
from base.openapi import problems
from base.problems import Conflict
from base.validation import read_model
from users.caller import Caller, caller_of
from users.models import ApiKey, User
from users.rotation import DEFAULT_OVERLAP, LONGEST_OVERLAP, Rotation, apikey_rotate

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


class RotateKey(BaseModel):
    """How the old key is to end."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"overlap_seconds": 3600}})

    overlap_seconds: int = Field(
        default=int(DEFAULT_OVERLAP.total_seconds()),
        strict=True,
        ge=0,
        le=int(LONGEST_OVERLAP.total_seconds()),
        description="How long the old key still works.",
    )


class NewKey(BaseModel):
    """A key that replaces the one that asked."""

    id: str
    key: str = Field(description="The key itself. It cannot be shown again.")
    name: str
    scopes: list[str]
    expires_at: Time | None = Field(description="When it ends, as the old one would have; null: never.")
    replaces: str = Field(description="The id of the old key.")
    replaced_until: Time = Field(description="When the old key ends.")


class RotateKeyView(APIView):
    """The key that asks; any key may be rotated by itself."""

    @extend_schema(operation_id="rotate_key", request=RotateKey, responses={201: NewKey, **problems(409)})
    def post(self, request: Request) -> Response:
        """Make a key with the same rights, and let the one that asks end after a while.

        Where the answer was lost, ask again with the old key: a replacement that was never used is revoked.
        """
        wanted = read_model(RotateKey, request.data)
        if not isinstance(request.auth, ApiKey):
            raise Conflict("A session has no key that could be rotated; use the admin, or send the key itself.")
        made = apikey_rotate(request.auth, overlap=timedelta(seconds=wanted.overlap_seconds))
        return Response(_new_key(made), status=HTTPStatus.CREATED, headers={"Cache-Control": "no-store"})


def _new_key(made: Rotation) -> dict[str, Any]:
    key = made.key
    return NewKey(
        id=key.pk,
        key=made.secret,
        name=key.name,
        scopes=key.scopes,
        expires_at=to_iso(key.expires_at) if key.expires_at else None,
        replaces=str(key.replaces_id),
        replaced_until=to_iso(made.old_until),
    ).model_dump()


def _rights(caller: Caller) -> dict[str, Any]:
    return {"organization_id": caller.organization_id, "scopes": sorted(caller.scopes)}


def _key(key: ApiKey) -> dict[str, Any]:
    expires_at = to_iso(key.expires_at) if key.expires_at else None
    return {"kind": "key", "id": key.pk, "name": key.name, "expires_at": expires_at}


def _person(user: User) -> dict[str, Any]:
    return {"kind": "person", "id": user.pk, "name": user.get_full_name(), "role": str(user.role)}
