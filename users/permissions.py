"""May this caller do that: each view names the scope it asks for."""

from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from users.access import Scope
from users.caller import caller_of

if TYPE_CHECKING:  # rest_framework.views reads the setting that names this module
    from rest_framework.views import APIView


class HasScope(BasePermission):
    """Ask for ``view.read_scope`` on GET and HEAD, ``view.write_scope`` on everything else.

    A view that names neither lets any caller in, but never nobody.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        caller = caller_of(request)
        if caller is None:
            return False
        name = "read_scope" if request.method in SAFE_METHODS else "write_scope"
        wanted: Scope | None = getattr(view, name, None)
        if wanted is None or wanted in caller.scopes:
            return True
        self.message = f"This needs the scope {wanted.value}."
        return False
