"""Contexts over HTTP: submit, list, read."""

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from base.openapi import problems
from base.pagination import NewestFirst
from base.queries import query_parameters, read_query
from base.sparse import PARAMETER, Fields, fields_parameter, fields_wanted, unwanted, wants
from base.validation import read_model
from contexts import models
from contexts.api.access import submitter
from contexts.api.common import MAX_CONTEXT_BODY_BYTES
from contexts.api.documents import Context, ContextOrPart, ContextPage, ContextSummary, StepRuns
from contexts.api.examples import CONTEXT_EXAMPLES, SUBMISSION_EXAMPLES
from contexts.api.requests import ContextQuery, WaitQuery
from contexts.document import COLUMNS_READ, context_document, context_summary, step_run_documents
from contexts.live.held import answer_when_ended
from contexts.selectors import ContextFilter, context_get, contexts_find
from contexts.services import context_submit
from contexts.submission import ContextSubmission
from contexts.waiting import waiting_in_full
from users.access import Scope
from users.caller import caller_required
from users.creating import created, creating_headers, idempotency

TAGS = ["contexts"]


class ContextsView(APIView):
    """All contexts of the caller's organization."""

    read_scope = Scope.CONTEXTS_READ
    write_scope = Scope.CONTEXTS_WRITE
    max_body_bytes = MAX_CONTEXT_BODY_BYTES

    @extend_schema(
        operation_id="contexts_list",
        tags=TAGS,
        parameters=[*query_parameters(ContextQuery), fields_parameter(ContextSummary)],
        responses={200: ContextPage},
    )
    def get(self, request: Request) -> Response:
        """List contexts, newest first, without their data."""
        fields = fields_wanted(request.query_params, ContextSummary)
        query = read_query(ContextQuery, request.query_params, besides=[PARAMETER])
        rows = contexts_find(caller_required(request).organization_id, _filter(query))
        if fields is not None:
            rows = rows.defer(*unwanted(COLUMNS_READ, fields))
        pages = NewestFirst()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response([context_summary(row, fields) for row in page or []])

    @extend_schema(
        operation_id="context_create",
        tags=TAGS,
        parameters=[*query_parameters(WaitQuery), *creating_headers()],
        request=ContextSubmission,
        responses={201: Context, **problems(409, 422)},
        examples=SUBMISSION_EXAMPLES,
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Submit a context; a worker picks it up at once."""
        query = read_query(WaitQuery, request.query_params)
        who = submitter(request)
        submission = read_model(ContextSubmission, request.data)
        key = idempotency(request, organization_id=who.organization_id, route="contexts", body=request.data)
        context, is_new = context_submit(submission, submitter=who, idempotency=key)

        def answer(found: models.Context) -> Response:
            return created(context_document(found), location=f"/api/contexts/{found.pk}", is_new=is_new)

        return answer_when_ended(self, context, query.wait, answer)


def _filter(query: ContextQuery) -> ContextFilter:
    return ContextFilter(
        statuses=query.status,
        type=query.type,
        batch_id=query.batch_id,
        created_after=query.created_after,
        created_before=query.created_before,
        text=query.q,
    )


class ContextView(APIView):
    """One context."""

    read_scope = Scope.CONTEXTS_READ

    @extend_schema(
        operation_id="context_get",
        tags=TAGS,
        parameters=[*query_parameters(WaitQuery), fields_parameter(Context)],
        responses={200: ContextOrPart},
        examples=CONTEXT_EXAMPLES,
    )
    def get(self, request: Request, context_id: str) -> HttpResponseBase:
        """Return the context as it stands, or as it ends within the time that you would wait."""
        query = read_query(WaitQuery, request.query_params, besides=[PARAMETER])
        fields = fields_wanted(request.query_params, Context)
        without = () if fields is None else unwanted(COLUMNS_READ, fields)
        context = context_get(context_id, caller_required(request).organization_id, without=without)
        return answer_when_ended(self, context, query.wait, lambda found: _answer(found, fields))


def _answer(context: models.Context, fields: Fields) -> Response:
    document = context_document(context, fields)
    if wants(fields, "waiting_for"):
        document["waiting_for"] = waiting_in_full(context)
    return Response(document)


class StepsView(APIView):
    """The history of one context."""

    read_scope = Scope.CONTEXTS_READ

    @extend_schema(operation_id="context_steps", tags=TAGS, responses={200: StepRuns})
    def get(self, request: Request, context_id: str) -> Response:
        """Return every step run, oldest first."""
        context = context_get(context_id, caller_required(request).organization_id)
        return Response({"results": step_run_documents(context), "next": None, "previous": None})
