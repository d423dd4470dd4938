"""Holds the calls of one worker until the limits that all workers share let them begin.

Each provider has a line. Its calls begin by turns of the organizations, as soon as a grant covers them; while any
runs or waits, the line settles with the other workers about once a second. Contexts that would wait long do not wait
here: they are told to come back (`ProviderBusy`), so that those which need another provider get their turn.
"""

import asyncio
import logging
import math
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain

from base import clock
from base.clock import to_iso
from components.errors import PermanentError, ProviderBusy, TransientError
from components.providers.limited import RATE_LIMITED, Call, OnWait
from contexts.engine.limits import (
    LONGEST_COOL_SECONDS,
    Grant,
    Need,
    ProviderLimits,
    Refusal,
    cool_seconds,
    tokens_ahead,
)

SETTLE_SECONDS = 1.0
# After a grant that let nobody begin.
SHORT_SETTLE_SECONDS = 0.2
LEAST_PAUSE_SECONDS = 0.02
SAY_SECONDS = 1.0
PATIENCE_SECONDS = 10.0
SHORT_COOL_SECONDS = 2.0
MAX_WAITING = 64
MOST_TOKENS = 10_000_000
COME_BACK_SECONDS = (5.0, 300.0)
SMOOTHING = 0.1

Settle = Callable[[str, ProviderLimits, Need], Awaitable[Grant]]

logger = logging.getLogger(__name__)


class Gate:
    """The lines of one worker. Make it on the running loop; close it at the end.

    Args:
        limits: of the providers that have any; others pass.
        settle: divides a provider between the workers; may raise where the database is away.
    """

    def __init__(self, worker: str, limits: Mapping[str, ProviderLimits], settle: Settle) -> None:
        self._lines = {name: Line(worker, name, limit, settle) for name, limit in limits.items()}

    @asynccontextmanager
    async def call(self, provider: str, *, organization: str, tokens: int, on_wait: OnWait) -> AsyncIterator[Call]:
        """Hold a place for a call while it runs; see `components.providers.limited.Gate`."""
        line = self._lines.get(provider)
        if line is None:
            yield _Place(organization, 0)
            return
        place = await line.enter(organization, tokens, on_wait)
        try:
            yield place
        except TransientError as exc:
            if exc.type != RATE_LIMITED:
                raise
            raise line.refused(place, exc) from exc
        except PermanentError:
            place.used(0)  # what was refused is not counted
            raise
        finally:
            line.leave(place)

    async def aclose(self) -> None:
        """Give back what is held."""
        for line in self._lines.values():
            await line.aclose()


@dataclass(eq=False)
class _Place:
    """A call in its line, waiting or running."""

    organization: str
    tokens: float
    used_tokens: float | None = None
    ready: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    began_at: float = 0.0
    began: float = 0.0

    def used(self, tokens: int) -> None:
        self.used_tokens = min(max(tokens, 0), MOST_TOKENS)  # a server's count is not to be trusted


class Queue:
    """Places that wait, one organization after the other; within each, those that came first."""

    def __init__(self) -> None:
        self._by_organization: OrderedDict[str, deque[_Place]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._by_organization.values()))

    def __iter__(self) -> Iterator[_Place]:
        return chain.from_iterable(self._by_organization.values())

    def has_room_for(self, organization: str) -> bool:
        """Tell whether one more may wait: the backlog of one organization leaves room for the others."""
        own = len(self._by_organization.get(organization, ()))
        waiting = len(self._by_organization.keys() | {organization})
        return len(self) < MAX_WAITING or own < MAX_WAITING // (2 * waiting)

    def append(self, place: _Place) -> None:
        self._by_organization.setdefault(place.organization, deque()).append(place)

    def first(self) -> _Place:
        return next(iter(self._by_organization.values()))[0]

    def pop_first(self) -> _Place:
        """Take the first place; its organization's next one comes after one of each other."""
        organization, places = self._by_organization.popitem(last=False)
        place = places.popleft()
        if places:
            self._by_organization[organization] = places
        return place

    def remove(self, place: _Place) -> None:
        """Take a place out, if it still waits."""
        places = self._by_organization.get(place.organization)
        if places is None or place not in places:
            return
        places.remove(place)
        if not places:
            del self._by_organization[place.organization]

    def clear(self) -> None:
        self._by_organization.clear()


class Line:
    """The calls of one worker to one provider."""

    def __init__(self, worker: str, name: str, limits: ProviderLimits, settle: Settle) -> None:
        self._worker = worker
        self._name = name
        self._limits = limits
        self._settle = settle
        self._waiting = Queue()
        self._active = self._peak = 0
        self._grant = Grant(held=0)
        self._requests = self._tokens = 0.0
        self._refusal: Refusal | None = None
        self._cool_until = 0.0
        self._usual_seconds = 1.0
        self._is_settling = False
        self._wake = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def enter(self, organization: str, tokens: float, on_wait: OnWait) -> _Place:
        """Return a place when the call may begin.

        Raises:
            ProviderBusy: come back later.
        """
        if self._cools_for() > SHORT_COOL_SECONDS:
            raise self._cooling()
        place = _Place(organization, tokens_ahead(tokens, self._limits))
        if not self._waiting and self._may_begin(place):
            self._begin(place)
            return place
        if self._grant.short_of and not self._waiting.has_room_for(organization):
            raise self._crowded()
        self._waiting.append(place)
        self._look()
        try:
            await self._wait(place, on_wait)
        except BaseException:
            self._give_up(place)
            raise
        return place

    async def _wait(self, place: _Place, on_wait: OnWait) -> None:
        await asyncio.wait([place.ready], timeout=SAY_SECONDS)
        if not place.ready.done():
            await on_wait(self._reason())
            await asyncio.wait([place.ready], timeout=PATIENCE_SECONDS - SAY_SECONDS)
        if not place.ready.done():
            raise self._crowded()
        place.ready.result()

    def _give_up(self, place: _Place) -> None:
        self._waiting.remove(place)
        if place.ready.done() and not place.ready.cancelled():
            place.ready.exception()  # it was told at the moment when it was cancelled
        if place.began:  # it was let in at the same moment
            self.leave(place)

    def leave(self, place: _Place) -> None:
        """End a call; the next one may begin."""
        self._active -= 1
        if place.used_tokens is not None:
            self._tokens += place.tokens - place.used_tokens
        took = time.monotonic() - place.began
        self._usual_seconds += SMOOTHING * (took - self._usual_seconds)
        self._admit()

    def refused(self, place: _Place, error: TransientError) -> ProviderBusy:
        """Take note of a 429 for all workers; return what its context is told."""
        seconds = cool_seconds(error.retry_after)
        self._cool_until = max(self._cool_until, _now() + seconds)
        earlier = self._refusal or Refusal(0.0, 0.0)  # many may be refused before the others are told
        longest = max(seconds, earlier.retry_after_seconds or 0.0)
        self._refusal = Refusal(max(place.began_at, earlier.began_at), longest)
        logger.warning("provider_cools provider=%s seconds=%.1f said=%s", self._name, seconds, error.message)
        self._look()
        self._turn_away()
        return self._cooling()

    def _turn_away(self) -> None:
        """Send those that wait home where the wait is long."""
        while self._waiting and self._cools_for() > SHORT_COOL_SECONDS:
            place = self._waiting.pop_first()
            if not place.ready.done():
                place.ready.set_exception(self._cooling())

    def _may_begin(self, place: _Place) -> bool:
        return (
            not self._is_settling
            and self._active < self._grant.held
            and self._requests >= 1
            and self._tokens >= place.tokens
            and self._cools_for() <= 0
        )

    def _begin(self, place: _Place) -> None:
        self._active += 1
        self._peak = max(self._peak, self._active)
        self._requests -= 1
        self._tokens -= place.tokens
        place.began_at, place.began = _now(), time.monotonic()

    def _admit(self) -> None:
        while self._waiting and self._may_begin(self._waiting.first()):
            place = self._waiting.pop_first()
            if not place.ready.done():  # not cancelled meanwhile
                self._begin(place)
                place.ready.set_result(None)

    def _look(self) -> None:
        self._wake.set()
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep(), name=f"gate-{self._name}")

    async def _keep(self) -> None:
        """Settle while there is anything to settle; the last time gives everything back."""
        while True:
            self._wake.clear()
            is_last = not (self._active or self._waiting or self._peak or self._refusal)
            await self._settle_once()
            if is_last and not self._waiting:
                return
            await self._pause()

    async def _pause(self) -> None:
        """Wait until it makes sense to settle again."""
        if self._waiting and (self._grant.short_of or self._cools_for() > 0):  # only time helps
            await asyncio.sleep(SHORT_SETTLE_SECONDS)
            return
        await asyncio.sleep(LEAST_PAUSE_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                await self._wake.wait()

    async def _settle_once(self) -> None:
        need = self._need()
        refusal, self._refusal, self._peak = self._refusal, None, self._active
        self._is_settling = True  # nothing begins that the others would not know of
        try:
            grant = await self._settle(self._name, self._limits, need)
        except Exception as exc:  # the database is away; whoever waits goes on waiting
            logger.warning("provider_not_settled provider=%s reason=%s", self._name, exc)
            self._refusal = self._refusal or refusal
            grant = Grant(need.active, requests=need.unused_requests, tokens=need.unused_tokens)
        except BaseException:
            self._refusal = self._refusal or refusal
            raise
        finally:
            self._is_settling = False
        self._take(grant, need)

    def _need(self) -> Need:
        return Need(
            worker=self._worker,
            active=self._active,
            wanted=max(self._peak, self._active + len(self._waiting)),
            waiting=len(self._waiting),
            tokens=sum(place.tokens for place in self._waiting),
            first_tokens=self._waiting.first().tokens if self._waiting else 0.0,
            unused_requests=_stock(self._requests),
            unused_tokens=_stock(self._tokens),
            refusal=self._refusal,
        )

    def _take(self, grant: Grant, need: Need) -> None:
        self._grant = grant
        self._requests = grant.requests
        self._tokens += grant.tokens - need.unused_tokens  # calls that ended meanwhile have settled theirs
        self._cool_until = max(self._cool_until, grant.cool_until)
        self._turn_away()
        self._admit()

    def _cools_for(self) -> float:
        return min(self._cool_until - _now(), LONGEST_COOL_SECONDS) if self._cool_until else 0.0

    def _cooling(self) -> ProviderBusy:
        until = clock.cut_to_milliseconds(datetime.fromtimestamp(self._cool_until, UTC))
        return ProviderBusy(f"provider {self._name} until {to_iso(until)}", retry_after=max(0.0, self._cools_for()))

    def _reason(self) -> str:
        return f"provider {self._name}: {self._grant.short_of or 'its turn'}"

    def _crowded(self) -> ProviderBusy:
        """Tell a context to come back when those before it should be through."""
        ahead = len(self._waiting) + 1
        seconds = ahead * self._usual_seconds / max(1, self._grant.held)
        if self._limits.requests_per_minute:
            seconds = max(seconds, ahead * 60 / self._limits.requests_per_minute)
        least, most = COME_BACK_SECONDS
        return ProviderBusy(self._reason(), retry_after=min(max(seconds, least), most))

    async def aclose(self) -> None:
        """Give back what is held."""
        if self._keeper is None:
            return
        self._keeper.cancel()
        await asyncio.wait([self._keeper])
        self._waiting.clear()
        self._active = self._peak = 0
        await self._settle_once()


def _stock(amount: float) -> float:
    return 0.0 if math.isinf(amount) else amount


def _now() -> float:
    return clock.now().timestamp()
