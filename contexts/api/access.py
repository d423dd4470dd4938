"""On whose behalf a request reads and writes contexts."""

from rest_framework.request import Request

from contexts.acts import Act
from contexts.submission import Submitter
from users.caller import Caller, caller_required
from users.services import organization_default


def submitter(request: Request) -> Submitter:
    """Return whose contexts are submitted: staff without an organization write to the default one."""
    who = caller_required(request)
    return Submitter(who.organization_id or organization_default().pk, who.user_id)


def act_of(caller: Caller, did: str) -> Act:
    """Return what the context's log is to keep of who made a move."""
    return Act(caller.user_id or caller.key_id or "", caller.name, did)
