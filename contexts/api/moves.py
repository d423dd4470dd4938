"""What a client may do to a context that is there: retry, cancel."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from base.openapi import problems
from base.validation import read_model
from contexts.api.access import act_of
from contexts.api.common import MAX_CONTEXT_BODY_BYTES, MAX_SMALL_BODY_BYTES
from contexts.api.contexts import TAGS
from contexts.api.documents import Context
from contexts.api.requests import NoRequest, RetryRequest
from contexts.document import context_document
from contexts.services import context_cancel, context_retry
from users.access import Scope
from users.caller import caller_required


class RetryView(APIView):
    """Sets a failed context going again."""

    write_scope = Scope.CONTEXTS_WRITE
    max_body_bytes = MAX_CONTEXT_BODY_BYTES

    @extend_schema(
        operation_id="context_retry", tags=TAGS, request=RetryRequest, responses={202: Context, **problems(409)}
    )
    def post(self, request: Request, context_id: str) -> Response:
        """Set a failed context going again, at the step that failed, an earlier one, or the start."""
        wish = read_model(RetryRequest, request.data)
        caller = caller_required(request)
        context = context_retry(
            context_id,
            organization_id=caller.organization_id,
            from_step=wish.from_step,
            patch=wish.data,
            act=act_of(caller, f"retried from {wish.from_step}, by the API"),
        )
        return Response(context_document(context), status=202)


class CancelView(APIView):
    """Ends a context that is not finished."""

    write_scope = Scope.CONTEXTS_WRITE
    max_body_bytes = MAX_SMALL_BODY_BYTES

    @extend_schema(
        operation_id="context_cancel", tags=TAGS, request=NoRequest, responses={202: Context, **problems(409)}
    )
    def post(self, request: Request, context_id: str) -> Response:
        """Cancel a context that is not finished; its worker stops within half a second."""
        read_model(NoRequest, request.data)
        caller = caller_required(request)
        act = act_of(caller, "cancelled, by the API")
        context = context_cancel(context_id, organization_id=caller.organization_id, act=act)
        return Response(context_document(context), status=202)
