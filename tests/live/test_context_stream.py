"""What an open stream of a context keeps in memory, and what is read for it."""

import gc
import weakref
from typing import Any

import pytest
from django.test import RequestFactory

from base.going_on import SERVER_KEY
from contexts.api import live
from contexts.live.streams import ContextStream, context_stream
from contexts.states import Status
from tests.contexts.rows import make_context

pytestmark = pytest.mark.django_db


def test_open_stream_does_not_keep_the_row(organization):
    context = make_context(organization)
    row = weakref.ref(context)
    request = RequestFactory().get("/")
    request.META[SERVER_KEY] = True
    stream = context_stream(request, context, 0)
    del context
    gc.collect()
    assert isinstance(stream, ContextStream)
    assert row() is None


def test_stream_reads_no_more_than_it_tells_of(api, organization, monkeypatch):
    read: list[set[str]] = []

    def spied(request: Any, context: Any, after: int) -> Any:
        answer = context_stream(request, context, after)
        if answer.streaming:
            answer.getvalue()
        read.append(context.get_deferred_fields())
        return answer

    monkeypatch.setattr(live, "context_stream", spied)
    context = make_context(organization, status=Status.CANCELLED)
    assert api.get(f"/api/contexts/{context.pk}/events").status_code == 200
    assert read == [{"data", "metadata", "processing", "pipeline"}]
