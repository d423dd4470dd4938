"""Who is asking, in one shape for keys and people."""

from dataclasses import dataclass

from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from users.access import Scope, role_scopes
from users.models import ApiKey, User


@dataclass(frozen=True)
class Caller:
    """What a view needs to know of whoever asks.

    Args:
        organization_id: the rows it may see; None sees all (staff without an organization).
        user_id: the person, None for a key.
        name: of the person or the key, for those who read later who did what.
    """

    organization_id: str | None
    scopes: frozenset[Scope]
    user_id: str | None = None
    key_id: str | None = None
    name: str = ""


def caller_of(request: Request) -> Caller | None:
    """Return who is asking, or None for nobody."""
    if isinstance(request.auth, ApiKey):
        key = request.auth
        known = {scope.value for scope in Scope}
        scopes = frozenset(Scope(scope) for scope in key.scopes if scope in known)
        return Caller(key.organization_id, scopes | {Scope.COMPONENTS_READ}, key_id=key.pk, name=key.name)
    user = request.user
    if isinstance(user, User) and user.is_active and _organization_is_active(user):
        return Caller(user.organization_id, role_scopes(user.role), user_id=user.pk, name=user.get_full_name())
    return None


def caller_required(request: Request) -> Caller:
    """Return who is asking, where the permission check has let nobody else in.

    Raises:
        NotAuthenticated: the view asks for no permission.
    """
    caller = caller_of(request)
    if caller is None:
        raise NotAuthenticated
    return caller


def _organization_is_active(user: User) -> bool:
    return user.organization is None or user.organization.is_active
