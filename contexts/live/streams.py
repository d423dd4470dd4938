"""Answers that tell of one context as it changes, until it ends."""

import time
from collections.abc import Callable, Iterator
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from base.going_on import Exchange, GoesOn, can_go_on
from base.problem_views import plain_problem, problem_response
from base.problems import TooManyStreams
from contexts.live.events import BEGINNING, STILL_HERE, change_written, changes_of
from contexts.live.looks import REMOVED, Seen
from contexts.live.watcher import Watch, watcher
from contexts.models import Context
from contexts.states import ENDED

CONTENT_TYPE = "text/event-stream"
# no-store: it is never the same again; the other asks nginx to pass on each part as it comes
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
STILL_HERE_SECONDS = 15
ASK_AGAIN_SECONDS = 0.05
CROWDED_RETRY_SECONDS = 5
CROWDED = "So many streams are open here already, or the server stops. Ask again in a moment."
BEYOND_SHARE = "Your organization has as many streams and waits open here as one may. Close some, or use webhooks."


class EventStream(GoesOn):
    """A stream of events; subclasses say where they come from."""

    def __init__(self, owner: str) -> None:
        super().__init__(owner=owner, content_type=CONTENT_TYPE, headers=HEADERS)

    async def finish(self, exchange: Exchange) -> None:
        if exchange.is_begun:
            await exchange.end()
        else:
            await exchange.send_whole(_refusal(exchange.is_beyond_share))


def _refusal(is_beyond_share: bool) -> HttpResponse:
    headers = {"Retry-After": str(CROWDED_RETRY_SECONDS)}
    if is_beyond_share:
        return problem_response(TooManyStreams(BEYOND_SHARE), headers)
    return plain_problem(HTTPStatus.SERVICE_UNAVAILABLE, CROWDED, headers)


class ContextTail:
    """What is still to be told of a context to one who follows it."""

    def __init__(self, after: int) -> None:
        self._told = after
        self.is_over = False

    def take(self, context: Context) -> bytes:
        """Return what the row has that was not told yet."""
        parts: list[bytes] = []
        for change in changes_of(context, after=self._told):
            parts.append(change_written(change))
            self._told = change.revision
        self.is_over = context.status in ENDED
        return b"".join(parts)


class ContextStream(EventStream):
    """Tells of a context what its row says, and goes on when that changes."""

    def __init__(self, context: Context, after: int) -> None:
        super().__init__(context.organization_id)
        self._tail = ContextTail(after)
        # the row is not kept: so many streams are open, and for so long
        self._seen = Seen.of(context)
        self._told_first = BEGINNING + self._tail.take(context)

    async def hold(self, exchange: Exchange) -> None:
        await exchange.send(self._told_first)
        self._told_first = b""
        with watcher.watching(Watch(self._seen, with_history=True)) as watch:
            while not (self._tail.is_over or watch.seen.revision == REMOVED):  # who asks again learns that it is gone
                sight = await watch.next(STILL_HERE_SECONDS)
                row = sight.row if sight is not None else None
                await exchange.send((self._tail.take(row) if row is not None else b"") or STILL_HERE)


def context_stream(request: HttpRequest, context: Context, after: int) -> HttpResponseBase:
    """Answer with the events later than a revision; with nothing at all where none will ever come."""
    if context.status in ENDED and after >= context.revision:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    if can_go_on(request):
        return ContextStream(context, after)
    tail = ContextTail(after)

    def take() -> bytes:
        context.refresh_from_db()
        return tail.take(context)

    return stream_in_thread(request, take, lambda: tail.is_over)


def stream_in_thread(
    request: HttpRequest, take: Callable[[], bytes], is_over: Callable[[], bool]
) -> StreamingHttpResponse:
    """Answer with a stream where no server awaits it; HEAD gets its headers only."""

    def parts() -> Iterator[bytes]:
        yield BEGINNING + take()
        while not is_over():
            time.sleep(ASK_AGAIN_SECONDS)
            if part := take():
                yield part

    body = () if request.method == "HEAD" else parts()
    return StreamingHttpResponse(body, content_type=CONTENT_TYPE, headers=HEADERS)
