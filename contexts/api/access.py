"""On whose behalf a request reads and writes contexts."""

from rest_framework.request import Request

from contexts.submission import Submitter
from users.caller import caller_required
from users.services import organization_default


def submitter(request: Request) -> Submitter:
    """Return whose contexts are submitted: staff without an organization write to the default one."""
    who = caller_required(request)
    return Submitter(who.organization_id or organization_default().pk, who.user_id)
