"""What all workers together may ask of a model provider. Pure: states in, states out; the rows stand in providers.py.

Three things are shared: how many calls run at once, how many requests and tokens a minute begin, and until when a
provider that answered 429 is left alone. A worker settles about once a second: it says what it runs and what waits, and
is granted calls to run at once (max-min fair between the workers) and a stock of requests and tokens, which it gives
back a second later if it did not use it.

How many calls may run at once starts at the limit, is halved by a 429, and grows back by a tenth each second: the
additive-increase/multiplicative-decrease of TCP, with a proportional increase.
Source: https://en.wikipedia.org/wiki/Additive_increase/multiplicative_decrease
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

DEFAULT_CONCURRENT = 1000
# What a provider is left alone for that says 429 without saying how long.
DEFAULT_COOL_SECONDS = 5.0
LEAST_COOL_SECONDS, LONGEST_COOL_SECONDS = 1.0, 3600.0
GROWTH_PER_SECOND = 0.1
# A worker that has not settled for so long is gone, and its share with it.
SHARE_SECONDS = 20.0
# Which workers get what a division leaves over changes this often.
TURN_SECONDS = 5.0
MINUTE = 60.0
BURST_SHARE = 0.05
MOST_OWED_MINUTES = 10.0


@dataclass(frozen=True)
class ProviderLimits:
    """The limits of one provider for the whole installation; 0 requests or tokens a minute means no limit."""

    concurrent: int = DEFAULT_CONCURRENT
    requests_per_minute: int = 0
    tokens_per_minute: int = 0


@dataclass(frozen=True)
class Share:
    """What one worker holds: ``held`` calls that it may run at once, of ``wanted``; ``at`` in epoch seconds."""

    held: int
    wanted: int
    at: float


@dataclass(frozen=True)
class ProviderState:
    """What the workers share of one provider; times in epoch seconds, 0 for never.

    Args:
        cool_until: it asked to be left alone until then.
        limited_at: when it was last halved.
        allowed: how many calls may run at once now; None for the limit itself.
        requests, tokens: what is left in the buckets at ``at``; None for full.
        shares: by worker.
    """

    cool_until: float = 0.0
    limited_at: float = 0.0
    allowed: float | None = None
    requests: float | None = None
    tokens: float | None = None
    at: float = 0.0
    shares: Mapping[str, Share] = field(default_factory=dict)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "ProviderState":
        """Read what `document` wrote; an empty one is a provider that nobody has called."""
        shares = {worker: Share(*share) for worker, share in document.get("shares", {}).items()}
        known = {item.name for item in fields(cls)}  # another version may have written more
        return cls(**{name: value for name, value in document.items() if name in known} | {"shares": shares})

    def document(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        shares = {worker: [share.held, share.wanted, share.at] for worker, share in self.shares.items()}
        return {**self.__dict__, "shares": shares}


@dataclass(frozen=True)
class Refusal:
    """A 429: when the refused call began, and for how many seconds the provider wants to be left alone."""

    began_at: float
    retry_after_seconds: float | None = None


@dataclass(frozen=True)
class Need:
    """What one worker tells when it settles.

    Args:
        active: calls that run now.
        wanted: calls that it would run at once if it could, those that run included.
        waiting: calls that would begin now.
        tokens: about how many tokens those that wait will use; ``first_tokens`` the first of them.
        unused_requests, unused_tokens: the stock that is given back; tokens are below 0 where calls used more.
    """

    worker: str
    active: int = 0
    wanted: int = 0
    waiting: int = 0
    tokens: float = 0.0
    first_tokens: float = 0.0
    unused_requests: float = 0.0
    unused_tokens: float = 0.0
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Grant:
    """What a worker may do until it settles again.

    Args:
        held: how many calls it may run at once.
        requests, tokens: its stock; infinite where there is no limit.
        short_of: why what waits cannot begin, in words that go on after "provider openai: ".
    """

    held: int
    requests: float = math.inf
    tokens: float = math.inf
    cool_until: float = 0.0
    short_of: str = ""


def settle(state: ProviderState, limits: ProviderLimits, need: Need, now: float) -> tuple[ProviderState, Grant]:
    """Return what is shared from now on, and what the worker may do."""
    state = _cooled(_advanced(state, limits, now), limits, need.refusal, now)
    cap = _cap(state, limits)
    others = {worker: share for worker, share in state.shares.items() if worker != need.worker}
    wants = {worker: share.wanted for worker, share in others.items()} | {need.worker: need.wanted}
    room = cap - sum(share.held for share in others.values())
    fair = fair_shares(cap, wants, turn=int(now // TURN_SECONDS))[need.worker]
    held = max(need.active, min(need.wanted, fair, room))
    beginning = min(need.waiting, held - need.active)
    state, requests = _drawn_requests(state, limits, need, beginning)
    state, tokens = _drawn_tokens(state, limits, need)
    shares = {**others, need.worker: Share(held, need.wanted, now)} if need.wanted else others
    grant = Grant(held, requests, tokens, state.cool_until)
    return replace(state, shares=shares), replace(grant, short_of=_short_of(grant, limits, need, cap))


def _advanced(state: ProviderState, limits: ProviderLimits, now: float) -> ProviderState:
    """Let time pass: buckets fill, the cap grows, workers that are gone lose their share."""
    passed = max(0.0, now - state.at) if state.at else 0.0
    allowed = state.allowed
    if allowed is not None:
        allowed += max(1.0, allowed * GROWTH_PER_SECOND) * min(passed, max(0.0, now - state.cool_until))
    return replace(
        state,
        cool_until=min(state.cool_until, now + LONGEST_COOL_SECONDS),  # a clock may have been ahead
        limited_at=min(state.limited_at, now),
        allowed=None if allowed is None or allowed >= limits.concurrent else allowed,
        requests=_filled(state.requests, limits.requests_per_minute, passed),
        tokens=_filled(state.tokens, limits.tokens_per_minute, passed),
        at=now,
        shares={worker: share for worker, share in state.shares.items() if abs(now - share.at) < SHARE_SECONDS},
    )


def burst(per_minute: int) -> float:
    """Return how much a bucket holds: what may begin at once after a rest."""
    return max(1.0, per_minute * BURST_SHARE)


def tokens_ahead(estimate: float, limits: ProviderLimits) -> float:
    """Return how many tokens a call must have before it begins: its estimate, or a full bucket if that is less."""
    return min(estimate, burst(limits.tokens_per_minute)) if limits.tokens_per_minute else estimate


def rate_per_second(per_minute: int) -> float:
    """Return how fast a bucket fills. With a full bucket at its start, no minute holds more than the limit."""
    return max(per_minute - burst(per_minute), 1.0) / MINUTE


def _filled(level: float | None, per_minute: int, passed: float) -> float | None:
    if not per_minute or level is None:
        return None
    level += rate_per_second(per_minute) * passed
    return None if level >= burst(per_minute) else level


def cool_seconds(asked: float | None) -> float:
    """Return for how long a provider is left alone that asked for so many seconds, or for none in particular."""
    return DEFAULT_COOL_SECONDS if asked is None else min(max(asked, LEAST_COOL_SECONDS), LONGEST_COOL_SECONDS)


def _cooled(state: ProviderState, limits: ProviderLimits, refusal: Refusal | None, now: float) -> ProviderState:
    """Take note of a 429; those of calls that began before the last one count as that one."""
    if refusal is None:
        return state
    state = replace(state, cool_until=max(state.cool_until, now + cool_seconds(refusal.retry_after_seconds)))
    if refusal.began_at < state.limited_at:
        return state
    running = sum(share.held for share in state.shares.values())
    return replace(state, limited_at=now, allowed=max(1.0, min(_cap(state, limits), max(running, 1)) / 2))


def _cap(state: ProviderState, limits: ProviderLimits) -> int:
    return limits.concurrent if state.allowed is None else max(1, min(limits.concurrent, int(state.allowed)))


def fair_shares(cap: int, wants: Mapping[str, int], *, turn: int = 0) -> dict[str, int]:
    """Divide ``cap`` max-min fairly: nobody gets more than it wants, and what one leaves the others get.

    Args:
        turn: rotates who gets what a division leaves over, so that one call at once goes from hand to hand.
    """
    names = sorted(wants)
    start = turn % len(names) if names else 0
    hungry = [name for name in names[start:] + names[:start] if wants[name] > 0]
    shares = dict.fromkeys(wants, 0)
    left = cap
    while left > 0 and hungry:
        each = max(1, left // len(hungry))
        for name in hungry:
            given = min(wants[name] - shares[name], each, left)
            shares[name] += given
            left -= given
        hungry = [name for name in hungry if shares[name] < wants[name]]
    return shares


def _drawn_requests(
    state: ProviderState, limits: ProviderLimits, need: Need, beginning: int
) -> tuple[ProviderState, float]:
    if not limits.requests_per_minute:
        return state, math.inf
    full = burst(limits.requests_per_minute)
    level = min(full, (full if state.requests is None else state.requests) + need.unused_requests)
    drawn = float(max(0, min(beginning, math.floor(level))))
    return replace(state, requests=level - drawn), drawn


def _drawn_tokens(state: ProviderState, limits: ProviderLimits, need: Need) -> tuple[ProviderState, float]:
    """Draw tokens for as many calls as the bucket covers; what calls used above their estimate is owed, in bounds."""
    if not limits.tokens_per_minute:
        return state, math.inf
    full = burst(limits.tokens_per_minute)
    level = min(full, (full if state.tokens is None else state.tokens) + need.unused_tokens)
    level = max(level, -MOST_OWED_MINUTES * limits.tokens_per_minute)
    drawn = min(need.tokens, level) if level >= need.first_tokens else 0.0
    return replace(state, tokens=level - drawn), drawn


def _short_of(grant: Grant, limits: ProviderLimits, need: Need, cap: int) -> str:
    if grant.requests < need.waiting and grant.requests < grant.held - need.active:
        return f"{limits.requests_per_minute} requests a minute are used up"
    if grant.tokens < need.tokens:
        return f"{limits.tokens_per_minute} tokens a minute are used up"
    if grant.held < need.active + need.waiting:
        return f"{cap} calls at once are under way"
    return ""
