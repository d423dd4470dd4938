"""What happens to contexts, as it happens: server-sent events."""

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import BaseModel, Field
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from base.openapi import problems
from base.problems import Fault, InvalidInput
from base.queries import query_parameters, query_path, read_query
from contexts.api.contexts import TAGS
from contexts.api.event_documents import BatchStreamEvent, ContextStreamEvent
from contexts.live.batch_stream import batch_stream
from contexts.live.batch_tail import Cursor
from contexts.live.streams import CONTENT_TYPE, context_stream
from contexts.selectors import batch_get, context_get
from users.access import Scope
from users.caller import caller_required

HEADER = "Last-Event-ID"
MAX_DIGITS = 9
# what a stream never tells of, and is large
UNTOLD = ("data", "metadata", "processing", "pipeline")
NO_SUCH_EVENT = "Send the id of an event that this stream has sent, or none."


class EventsQuery(BaseModel):
    """From where on a stream is wanted."""

    last_event_id: str | None = Field(
        default=None, description=f"As the header {HEADER}, for clients that cannot send one; the header wins."
    )


class EventStreamRenderer(BaseRenderer):
    """Stands for the stream where what the client accepts is compared; the stream writes itself."""

    media_type = CONTENT_TYPE
    format = "events"


EVENT_PARAMETERS = [
    OpenApiParameter(
        HEADER,
        type=str,
        location=OpenApiParameter.HEADER,
        description="The id of the last event that came; the stream goes on after it.",
    ),
    *query_parameters(EventsQuery),
]


def last_event_id(request: Request) -> tuple[str, str] | None:
    """Return the id after which the client wants to go on, and where it stands; None for the beginning."""
    query = read_query(EventsQuery, request.query_params)
    if header := request.headers.get(HEADER):
        return header, HEADER
    return (query.last_event_id, query_path("last_event_id")) if query.last_event_id else None


class ContextEventsView(APIView):
    """What happens to one context."""

    read_scope = Scope.CONTEXTS_READ
    renderer_classes = [EventStreamRenderer]
    http_method_names = ["get", "head"]  # OPTIONS would be answered by the renderer, which writes nothing

    @extend_schema(
        operation_id="context_events",
        tags=TAGS,
        parameters=EVENT_PARAMETERS,
        responses={(200, CONTENT_TYPE): ContextStreamEvent, 204: None, **problems(503)},
    )
    def get(self, request: Request, context_id: str) -> HttpResponseBase:
        """Stream every change of status and every step run, from the beginning or after an id, until the end.

        The answer is described by one of its events; `data` is JSON. 204 where nothing will come any more.
        """
        after = last_event_id(request)
        context = context_get(context_id, caller_required(request).organization_id, without=UNTOLD)
        return context_stream(request._request, context, _revision(after, context.revision) if after else 0)


class BatchEventsView(APIView):
    """What happens to the contexts of a batch."""

    read_scope = Scope.CONTEXTS_READ
    renderer_classes = [EventStreamRenderer]
    http_method_names = ["get", "head"]  # OPTIONS would be answered by the renderer, which writes nothing

    @extend_schema(
        operation_id="batch_events",
        tags=["batches"],
        parameters=EVENT_PARAMETERS,
        responses={(200, CONTENT_TYPE): BatchStreamEvent, 204: None, **problems(503)},
    )
    def get(self, request: Request, batch_id: str) -> HttpResponseBase:
        """Stream what changes in a batch, from now on or after an id, until all of its contexts have ended.

        `context` has the data of the events of a context, `batch` how far the batch is. The answer is described by one
        of its events; `data` is JSON. 204 where nothing will come any more.
        """
        after = last_event_id(request)
        batch = batch_get(batch_id, caller_required(request).organization_id)
        return batch_stream(request._request, batch, _cursor(after) if after else None)


def _cursor(after: tuple[str, str]) -> Cursor:
    text, place = after
    try:
        return Cursor.read(text)
    except ValueError as exc:
        raise InvalidInput([Fault(place, NO_SUCH_EVENT)]) from exc


def _revision(after: tuple[str, str], latest: int) -> int:
    text, place = after
    if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS and int(text) <= latest:
        return int(text)
    raise InvalidInput([Fault(place, NO_SUCH_EVENT)])
