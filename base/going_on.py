"""Answers that go on after their view has returned: a wait, a stream. No thread is held meanwhile.

A view runs in a thread, with all that goes with it: keys, scopes, rates, errors. It returns a `GoesOn`, and the server
(config/bridge.py) gives the thread back and awaits the rest on its loop. Where there is no such server, as below
Django's test client, `can_go_on` says no, and the view answers by itself.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

SERVER_KEY = "draftline.lets_answers_go_on"

T = TypeVar("T")


class Exchange(Protocol):
    """What the server offers to an answer that goes on."""

    @property
    def is_begun(self) -> bool:
        """Whether anything was sent."""
        ...

    @property
    def is_beyond_share(self) -> bool:
        """Whether the answer was not held because its owner has as many as one may have."""
        ...

    async def send(self, part: bytes) -> None:
        """Send a part below the headers that the view gave; waits while the client does not read."""
        ...

    async def end(self) -> None:
        """End what was sent in parts."""
        ...

    async def send_whole(self, response: HttpResponseBase) -> None:
        """Send another response in place of the view's; its own headers win, the others are the view's."""
        ...

    async def run(self, function: Callable[[], T]) -> T:
        """Run blocking code in a thread, as a view is run."""
        ...


class GoesOn(HttpResponse):
    """A response whose body is not there yet. A view that returns one has checked that the client may have it.

    Args:
        owner: whose it is; nobody may have all that a server holds.
    """

    def __init__(self, *, owner: str, **response: Any) -> None:
        super().__init__(**response)
        self.owner = owner

    async def hold(self, exchange: Exchange) -> None:
        """Wait, or send part after part. It is cut off where the server stops, and not begun where it has no room."""
        raise NotImplementedError

    async def finish(self, exchange: Exchange) -> None:
        """Send what is still to be sent; comes after `hold` however that ended, but where the client is gone."""
        raise NotImplementedError


def can_go_on(request: HttpRequest) -> bool:
    """Tell whether the server awaits an answer to this request; one to HEAD has no body to wait for."""
    return bool(request.META.get(SERVER_KEY)) and request.method != "HEAD"
