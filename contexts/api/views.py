"""Contexts over HTTP: submit, list, read."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from base.validation import read_model
from contexts.api.access import caller, submitter
from contexts.api.documents import Context
from contexts.document import context_document
from contexts.selectors import context_get
from contexts.services import context_submit
from contexts.submission import ContextSubmission
from users.access import Scope

MAX_CONTEXT_BODY_BYTES = 1536 * 1024


class ContextsView(APIView):
    """All contexts of the caller's organization."""

    read_scope = Scope.CONTEXTS_READ
    write_scope = Scope.CONTEXTS_WRITE
    max_body_bytes = MAX_CONTEXT_BODY_BYTES

    @extend_schema(
        operation_id="context_create", tags=["contexts"], request=ContextSubmission, responses={201: Context}
    )
    def post(self, request: Request) -> Response:
        """Submit a context; a worker picks it up at once."""
        submission = read_model(ContextSubmission, request.data)
        context, _ = context_submit(submission, submitter=submitter(request))
        document: dict[str, Any] = context_document(context)
        return Response(document, status=201, headers={"Location": f"/api/contexts/{context.pk}"})


class ContextView(APIView):
    """One context."""

    read_scope = Scope.CONTEXTS_READ

    @extend_schema(operation_id="context_get", tags=["contexts"], responses={200: Context})
    def get(self, request: Request, context_id: str) -> Response:
        """Return the context as it stands."""
        return Response(context_document(context_get(context_id, caller(request).organization_id)))
