"""The finished text itself, in the format that the client asks for."""

from collections.abc import Iterable

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from base.openapi import problems
from components.builtin.conversion import CONVERSIONS, converted
from components.builtin.transformer import Format
from contexts.api.contexts import TAGS
from contexts.content import finished_content
from contexts.selectors import context_get
from users.access import Scope
from users.caller import caller_required

MEDIA_TYPES = {Format.MARKDOWN: "text/markdown", Format.HTML: "text/html", Format.PLAIN: "text/plain"}
# The text comes from a model: nothing in it may run, load from elsewhere but pictures, or reach our pages.
CONTENT_SECURITY_POLICY = "default-src 'none'; img-src 'self' https:; style-src 'unsafe-inline'; sandbox"


class _ByTheView(DefaultContentNegotiation):
    """Leaves the choice to the view: which formats there are depends on the context."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return JSONRenderer(), JSONRenderer.media_type


class ContentView(APIView):
    """The finished text of one context."""

    read_scope = Scope.CONTEXTS_READ
    content_negotiation_class = _ByTheView

    @extend_schema(
        operation_id="context_content",
        tags=TAGS,
        responses={**{(200, media_type): OpenApiTypes.STR for media_type in MEDIA_TYPES.values()}, **problems(409)},
    )
    def get(self, request: Request, context_id: str) -> HttpResponse:
        """Return the finished text, in the first of its formats that `Accept` names; as it was written by default."""
        found = finished_content(context_get(context_id, caller_required(request).organization_id))
        offered = {MEDIA_TYPES[target]: target for target in CONVERSIONS[found.format]}
        chosen = request._request.get_preferred_type(list(offered))
        if chosen is None:
            raise NotAcceptable(f"This text can be had as {', '.join(offered)}; name one of them in Accept.")
        text = converted(found.text, source=found.format, target=offered[chosen])
        return HttpResponse(text, content_type=f"{chosen}; charset=utf-8", headers=_headers(chosen))


def _headers(media_type: str) -> dict[str, str]:
    headers = {"X-Content-Type-Options": "nosniff", "Vary": "Accept"}
    if media_type == MEDIA_TYPES[Format.HTML]:
        headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return headers
