"""An answer that is held until a context ends, or the client's patience does."""

import time
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.views import APIView

from base.etags import or_not_modified
from base.going_on import Exchange, GoesOn, can_go_on
from contexts.live.looks import Seen
from contexts.live.watcher import Watch, watcher
from contexts.models import Context
from contexts.selectors import context_get
from contexts.states import ENDED

ASK_AGAIN_SECONDS = 0.05
CROWDED_RETRY_SECONDS = 5

Answer = Callable[[Context], HttpResponse]


class HeldAnswer(GoesOn):
    """Waits for a context's end on the server's loop; then a thread makes the answer, as for any request.

    Where there is no room to wait, it is made at once: with the present state, and when to ask again.
    """

    def __init__(self, seen: Seen, seconds: float, owner: str, make: Callable[[], HttpResponse]) -> None:
        super().__init__(owner=owner)
        self._seen = seen
        self._seconds = seconds
        self._make = make
        self._was_held = False

    async def hold(self, exchange: Exchange) -> None:
        self._was_held = True
        ends_at = time.monotonic() + self._seconds
        with watcher.watching(Watch(self._seen, with_history=False)) as watch:
            while not watch.seen.has_ended and (left := ends_at - time.monotonic()) > 0:
                await watch.next(left)

    async def finish(self, exchange: Exchange) -> None:
        response = await exchange.run(self._make)
        if not self._was_held:
            response["Retry-After"] = str(CROWDED_RETRY_SECONDS)
        await exchange.send_whole(response)


def answer_when_ended(view: APIView, context: Context, seconds: float, answer: Answer) -> HttpResponseBase:
    """Answer once a context has ended, or after so many seconds with its present state."""
    request = view.request
    if not seconds or context.status in ENDED or request.method == "HEAD":
        return answer(context)

    id, organization_id = context.pk, context.organization_id  # the row is not kept meanwhile

    def answer_now() -> HttpResponse:
        return answer(context_get(id, organization_id))

    if not can_go_on(request._request):
        _wait_in_thread(context, seconds)
        return answer_now()
    _let_go_of_body(request)
    return HeldAnswer(Seen.of(context), seconds, organization_id, lambda: _rendered(view, answer_now))


def _let_go_of_body(request: Any) -> None:
    """Keep no body for as long as the answer is held: what was sent is stored, and may be a megabyte."""
    request._data = request._full_data = {}
    request._request._body = b""


def _wait_in_thread(context: Context, seconds: float) -> None:
    ends_at = time.monotonic() + seconds
    rows = Context.objects.filter(pk=context.pk, status__in=ENDED)
    while not rows.exists() and time.monotonic() < ends_at:
        time.sleep(ASK_AGAIN_SECONDS)


def _rendered(view: APIView, make: Callable[[], HttpResponse]) -> HttpResponse:
    """Return what the view would: its renderer, its headers, its problems, its tag."""
    try:
        response: Any = make()
    except Exception as exc:
        response = view.handle_exception(exc)
    response = view.finalize_response(view.request, response, *view.args, **view.kwargs)
    if hasattr(response, "render"):
        response.render()
    response.close()  # tells Django that the request is over; the content stays
    return or_not_modified(view.request._request, response)
