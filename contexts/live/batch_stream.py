"""An answer that tells of a batch and its contexts as they change, until the batch has ended."""

import asyncio
import time
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from base.going_on import Exchange, can_go_on
from contexts.live.batch_tail import BatchTail, Cursor
from contexts.live.events import BEGINNING, STILL_HERE
from contexts.live.streams import STILL_HERE_SECONDS, EventStream, stream_in_thread
from contexts.live.watcher import watcher
from contexts.models import Batch
from contexts.selectors import batch_progress
from contexts.states import ENDED

# A look reads what is in work of the whole batch: it need not be made for each step.
PACE_SECONDS = 0.25
PART_FOR_LOOKS = 0.25


class BatchStream(EventStream):
    """Tells of a batch, and looks again whenever there may be news."""

    def __init__(self, batch: Batch, since: Cursor | None) -> None:
        super().__init__(batch.organization_id)
        self._tail = BatchTail(batch, since)
        self._rests_until = 0.0

    async def hold(self, exchange: Exchange) -> None:
        await exchange.send(BEGINNING)
        said_at = time.monotonic()
        with watcher.following() as news:
            while not self._tail.is_over:
                part = await self._look(news)
                if not part and time.monotonic() - said_at >= STILL_HERE_SECONDS:
                    part = STILL_HERE
                if part:
                    await exchange.send(part)
                    said_at = time.monotonic()

    async def _look(self, news: asyncio.Event) -> bytes:
        """Look when there are news, and not too often; empty where there were none for a while."""
        await asyncio.sleep(self._rests_until - time.monotonic())
        if not self._tail.has_more:
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), STILL_HERE_SECONDS)
            if not news.is_set():
                return b""
        news.clear()
        began = time.monotonic()
        try:
            part = await watcher.run(self._tail.take)
        except Exception as exc:  # who follows goes on following
            await watcher.note_trouble(exc)
            news.set()
            return b""
        looked_at = time.monotonic()
        self._rests_until = looked_at + self._rest_after(looked_at - began)
        return part

    def _rest_after(self, took_seconds: float) -> float:
        """Return how long others come first; the time that a look took includes their turns."""
        return took_seconds if self._tail.has_more else max(PACE_SECONDS, took_seconds / PART_FOR_LOOKS)


def batch_stream(request: HttpRequest, batch: Batch, since: Cursor | None) -> HttpResponseBase:
    """Answer with what changes since a cursor; with nothing at all where none will ever come."""
    if since is not None and since.is_end and _has_rested_since(since.moment, batch):
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    if can_go_on(request):
        return BatchStream(batch, since)
    tail = BatchTail(batch, since)
    return stream_in_thread(request, tail.take, lambda: tail.is_over)


def _has_rested_since(moment: datetime, batch: Batch) -> bool:
    """Tell whether a batch that had ended has not been retried since, and ended again."""
    if batch_progress(batch).status == "processing":
        return False
    return not batch.contexts.filter(status__in=ENDED, ended_at__gt=moment).order_by().exists()
