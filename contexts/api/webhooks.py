"""Webhooks over HTTP: who is told of ends, and what each was told."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from base.openapi import problems
from base.pagination import NewestFirst
from base.queries import PageQuery, query_parameters, read_query
from base.validation import read_model
from contexts.api.access import submitter
from contexts.api.common import MAX_SMALL_BODY_BYTES
from contexts.api.requests import NoRequest
from contexts.api.webhook_documents import (
    Delivery,
    DeliveryPage,
    DeliveryQuery,
    Webhook,
    WebhookChange,
    WebhookPage,
    WebhookRequest,
    WebhookWithSecret,
    delivery_document,
    delivery_summary,
    webhook_document,
)
from contexts.webhooks.deliveries import deliveries_find, delivery_get, delivery_redeliver
from contexts.webhooks.endpoints import (
    EndpointWish,
    endpoint_create,
    endpoint_delete,
    endpoint_get,
    endpoint_switch_off,
    endpoint_switch_on,
    endpoint_test,
    endpoint_update,
    endpoints_visible,
)
from contexts.webhooks.models import WebhookEndpoint
from contexts.webhooks.rotation import endpoint_rotate
from users.access import Scope
from users.caller import caller_required
from users.creating import created, creating_headers, idempotency

TAGS = ["webhooks"]
UNSTORED = "no-store"  # answers with a secret


class WebhookAPIView(APIView):
    """What every view of webhooks asks for."""

    read_scope = Scope.WEBHOOKS_READ
    write_scope = Scope.WEBHOOKS_WRITE
    max_body_bytes = MAX_SMALL_BODY_BYTES

    def endpoint(self, request: Request, webhook_id: str) -> WebhookEndpoint:
        """Return the webhook of the address.

        Raises:
            NotFound: there is none, or it is another organization's.
        """
        return endpoint_get(webhook_id, caller_required(request).organization_id)


class WebhooksView(WebhookAPIView):
    """All webhooks of the caller's organization."""

    @extend_schema(
        operation_id="webhooks_list", tags=TAGS, parameters=query_parameters(PageQuery), responses={200: WebhookPage}
    )
    def get(self, request: Request) -> Response:
        """List webhooks, newest first."""
        read_query(PageQuery, request.query_params)
        pages = NewestFirst()
        rows = endpoints_visible(caller_required(request).organization_id)
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response([webhook_document(row) for row in page or []])

    @extend_schema(
        operation_id="webhook_create",
        tags=TAGS,
        parameters=creating_headers(),
        request=WebhookRequest,
        responses={201: WebhookWithSecret, **problems(409, 422)},
    )
    def post(self, request: Request) -> Response:
        """Make a webhook. The answer has its secret, which is not shown again."""
        who = submitter(request)
        wish = read_model(WebhookRequest, request.data)
        endpoint, secret, is_new = endpoint_create(
            EndpointWish(wish.url, wish.events, wish.description),
            organization_id=who.organization_id,
            idempotency=idempotency(request, organization_id=who.organization_id, route="webhooks", body=request.data),
        )
        document = {**webhook_document(endpoint), "secret": secret}
        answer = created(document, location=f"/api/webhooks/{endpoint.pk}", is_new=is_new)
        answer["Cache-Control"] = UNSTORED
        return answer


class WebhookView(WebhookAPIView):
    """One webhook."""

    @extend_schema(operation_id="webhook_get", tags=TAGS, responses={200: Webhook})
    def get(self, request: Request, webhook_id: str) -> Response:
        """Return a webhook, without its secret."""
        return Response(webhook_document(self.endpoint(request, webhook_id)))

    @extend_schema(operation_id="webhook_change", tags=TAGS, request=WebhookChange, responses={200: Webhook})
    def patch(self, request: Request, webhook_id: str) -> Response:
        """Change a webhook, or switch it off or on."""
        endpoint = self.endpoint(request, webhook_id)
        change = read_model(WebhookChange, request.data)
        said = change.model_fields_set
        if said - {"is_active"}:
            endpoint_update(endpoint, _changed(endpoint, change))
        if "is_active" in said and change.is_active != endpoint.is_active:
            (endpoint_switch_on if change.is_active else endpoint_switch_off)(endpoint)
        return Response(webhook_document(endpoint))

    @extend_schema(operation_id="webhook_delete", tags=TAGS, request=None, responses={204: None})
    def delete(self, request: Request, webhook_id: str) -> Response:
        """Remove a webhook and its deliveries; nothing more is sent."""
        endpoint_delete(self.endpoint(request, webhook_id))
        return Response(status=204)


def _changed(endpoint: WebhookEndpoint, change: WebhookChange) -> EndpointWish:
    said = change.model_fields_set
    return EndpointWish(
        url=change.url if "url" in said else endpoint.url,
        events=change.events if "events" in said else endpoint.events,
        description=change.description if "description" in said else endpoint.description,
    )


class WebhookRotateView(WebhookAPIView):
    """Gives a webhook a new secret."""

    @extend_schema(
        operation_id="webhook_rotate_secret",
        tags=TAGS,
        request=NoRequest,
        responses={200: WebhookWithSecret, **problems(409)},
    )
    def post(self, request: Request, webhook_id: str) -> Response:
        """Make a new secret, which is shown once. For 24 hours the former one signs too."""
        read_model(NoRequest, request.data)
        endpoint = self.endpoint(request, webhook_id)
        secret = endpoint_rotate(endpoint)
        return Response({**webhook_document(endpoint), "secret": secret}, headers={"Cache-Control": UNSTORED})


class WebhookTestView(WebhookAPIView):
    """Sends a test."""

    @extend_schema(
        operation_id="webhook_test", tags=TAGS, request=NoRequest, responses={202: Delivery, **problems(409)}
    )
    def post(self, request: Request, webhook_id: str) -> Response:
        """Send `webhook.test` once; the delivery tells what came of it."""
        read_model(NoRequest, request.data)
        return Response(delivery_document(endpoint_test(self.endpoint(request, webhook_id))), status=202)


class DeliveriesView(WebhookAPIView):
    """What a webhook was told."""

    @extend_schema(
        operation_id="webhook_deliveries_list",
        tags=TAGS,
        parameters=query_parameters(DeliveryQuery),
        responses={200: DeliveryPage},
    )
    def get(self, request: Request, webhook_id: str) -> Response:
        """List the deliveries of a webhook, newest first, for 30 days."""
        query = read_query(DeliveryQuery, request.query_params)
        rows = deliveries_find(self.endpoint(request, webhook_id), state=query.state, event=query.event)
        pages = NewestFirst()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response([delivery_summary(row) for row in page or []])


class DeliveryView(WebhookAPIView):
    """One delivery."""

    @extend_schema(operation_id="webhook_delivery_get", tags=TAGS, responses={200: Delivery})
    def get(self, request: Request, webhook_id: str, delivery_id: str) -> Response:
        """Return what was sent, and what came of each attempt."""
        return Response(delivery_document(delivery_get(delivery_id, self.endpoint(request, webhook_id))))


class RedeliverView(WebhookAPIView):
    """Sends a delivery again."""

    @extend_schema(
        operation_id="webhook_redeliver", tags=TAGS, request=NoRequest, responses={202: Delivery, **problems(409)}
    )
    def post(self, request: Request, webhook_id: str, delivery_id: str) -> Response:
        """Send a delivery again at once, under the same id."""
        read_model(NoRequest, request.data)
        delivery = delivery_get(delivery_id, self.endpoint(request, webhook_id))
        return Response(delivery_document(delivery_redeliver(delivery)), status=202)
