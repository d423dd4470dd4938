"""On whose behalf a request reads and writes contexts."""

from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from contexts.submission import Submitter
from users.caller import Caller, caller_of
from users.services import organization_default


def caller(request: Request) -> Caller:
    """Return who is asking; the permission check has let nobody else in."""
    found = caller_of(request)
    if found is None:
        raise NotAuthenticated
    return found


def submitter(request: Request) -> Submitter:
    """Return whose contexts are submitted: staff without an organization write to the default one."""
    who = caller(request)
    return Submitter(who.organization_id or organization_default().pk, who.user_id)
