"""Batches over HTTP: submit many contexts at once, see how far they are, cancel or retry them."""

from functools import partial
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from base.etags import weak_tag_of
from base.openapi import problems
from base.pagination import NewestFirst
from base.queries import query_parameters, read_query
from base.sparse import PARAMETER, Fields, fields_parameter, fields_wanted, sparse, wants
from base.validation import read_model
from contexts import models
from contexts.api.access import act_of, submitter
from contexts.api.common import MAX_SMALL_BODY_BYTES
from contexts.api.documents import Batch, BatchOrPart, BatchPage, BatchRetried, BatchSummary, BulkAccepted
from contexts.api.requests import BatchQuery, BulkEnvelope, BulkSubmission, NoRequest
from contexts.batches import batch_cancel, batch_retry_failed, batch_submit
from contexts.document import batch_document
from contexts.selectors import BatchFilter, batch_get, batch_progress, batches_find, batches_of_status, batches_progress
from users.access import Scope
from users.caller import caller_required
from users.creating import created, creating_headers, idempotency

TAGS = ["batches"]
ESTIMATES = ("rate_per_minute", "estimated_end")


def _document(batch: models.Batch, fields: Fields = None) -> dict[str, Any]:
    progress = batch_progress(batch, with_failed_ids=wants(fields, "failed_ids"))
    return sparse({**batch_document(batch, progress), "failed_ids": progress.failed_ids}, fields)


class BulkView(APIView):
    """Many contexts in one request."""

    write_scope = Scope.CONTEXTS_WRITE

    @extend_schema(
        operation_id="contexts_bulk",
        tags=TAGS,
        parameters=creating_headers(202),
        request=BulkSubmission,
        responses={202: BulkAccepted, **problems(409, 422)},
    )
    def post(self, request: Request) -> Response:
        """Submit up to 10,000 contexts, all or none; a bad one is named by its path, such as /contexts/1/type."""
        who = submitter(request)
        envelope = read_model(BulkEnvelope, request.data)
        batch, is_new = batch_submit(
            envelope.contexts,
            submitter=who,
            name=envelope.name,
            priority=envelope.priority,
            idempotency=idempotency(
                request, organization_id=who.organization_id, route="contexts/bulk", body=request.data
            ),
        )
        document = {"batch_id": batch.pk, "accepted": batch.total}
        return created(document, status=202, location=f"/api/batches/{batch.pk}", is_new=is_new)


class BatchesView(APIView):
    """All batches of the caller's organization."""

    read_scope = Scope.CONTEXTS_READ

    @extend_schema(
        operation_id="batches_list",
        tags=TAGS,
        parameters=[*query_parameters(BatchQuery), fields_parameter(BatchSummary)],
        responses={200: BatchPage},
    )
    def get(self, request: Request) -> Response:
        """List batches, newest first."""
        fields = fields_wanted(request.query_params, BatchSummary)
        query = read_query(BatchQuery, request.query_params, besides=[PARAMETER])
        pages = NewestFirst(partial(batches_of_status, status=query.status) if query.status else None)
        rows = batches_find(caller_required(request).organization_id, _filter(query))
        page: list[models.Batch] = pages.paginate_queryset(rows, request, view=self) or []
        progress = batches_progress(page)
        return pages.get_paginated_response([sparse(batch_document(row, progress[row.pk]), fields) for row in page])


def _filter(query: BatchQuery) -> BatchFilter:
    return BatchFilter(
        created_after=query.created_after,
        created_before=query.created_before,
        text=query.q,
    )


class BatchView(APIView):
    """One batch."""

    read_scope = Scope.CONTEXTS_READ

    @extend_schema(
        operation_id="batch_get", tags=TAGS, parameters=[fields_parameter(Batch)], responses={200: BatchOrPart}
    )
    def get(self, request: Request, batch_id: str) -> Response:
        """Return how far the batch is."""
        fields = fields_wanted(request.query_params, Batch)
        document = _document(batch_get(batch_id, caller_required(request).organization_id), fields)
        if fields is not None:
            return Response(document)
        # the estimates are other ones at every look
        settled = {key: value for key, value in document.items() if key not in ESTIMATES}
        return Response(document, headers={"ETag": weak_tag_of(settled)})


class BatchCancelView(APIView):
    """Ends what is open of a batch."""

    write_scope = Scope.CONTEXTS_WRITE
    max_body_bytes = MAX_SMALL_BODY_BYTES

    @extend_schema(operation_id="batch_cancel", tags=TAGS, request=NoRequest, responses={202: Batch, **problems(409)})
    def post(self, request: Request, batch_id: str) -> Response:
        """Cancel every context of the batch that has not ended."""
        read_model(NoRequest, request.data)
        caller = caller_required(request)
        act = act_of(caller, "cancelled with its batch, by the API")
        batch = batch_cancel(batch_id, organization_id=caller.organization_id, act=act)
        return Response(_document(batch), status=202)


class BatchRetryView(APIView):
    """Sets what failed of a batch going again."""

    write_scope = Scope.CONTEXTS_WRITE
    max_body_bytes = MAX_SMALL_BODY_BYTES

    @extend_schema(
        operation_id="batch_retry_failed",
        tags=TAGS,
        request=NoRequest,
        responses={202: BatchRetried, **problems(409)},
    )
    def post(self, request: Request, batch_id: str) -> Response:
        """Set every failed context of the batch going again, at the step that failed."""
        read_model(NoRequest, request.data)
        caller = caller_required(request)
        act = act_of(caller, "retried with its batch, by the API")
        batch, retried = batch_retry_failed(batch_id, organization_id=caller.organization_id, act=act)
        return Response({**_document(batch), "retried": retried}, status=202)
