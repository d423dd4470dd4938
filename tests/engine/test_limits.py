"""What workers share of a model provider: never more than the limit, divided fairly, cooled for all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexts.engine.limits import (
    SHARE_SECONDS,
    Grant,
    Need,
    ProviderLimits,
    ProviderState,
    Refusal,
    fair_shares,
    settle,
    tokens_ahead,
)

NOW = 1_700_000_000.0
TEN = ProviderLimits(concurrent=10)


def calls(worker: str, number: int, **changes: float) -> Need:
    return Need(worker, wanted=number, waiting=number, **changes)  # type: ignore[arg-type]


def test_lone_worker_gets_what_it_wants():
    _, grant = settle(ProviderState(), TEN, calls("a", 7), NOW)
    assert grant == Grant(held=7)


def test_second_worker_gets_what_is_left_and_says_what_it_is_short_of():
    state, _ = settle(ProviderState(), TEN, calls("a", 7), NOW)
    _, grant = settle(state, TEN, calls("b", 7), NOW)
    assert (grant.held, grant.short_of) == (3, "10 calls at once are under way")


def test_worker_with_more_than_its_share_gives_it_up_as_its_calls_end():
    state, _ = settle(ProviderState(), TEN, calls("a", 10), NOW)
    state, _ = settle(state, TEN, calls("b", 10), NOW)
    state, grant = settle(state, TEN, Need("a", active=4, wanted=10, waiting=6), NOW)
    assert grant.held == 5
    _, grant = settle(state, TEN, calls("b", 10), NOW)
    assert grant.held == 5


def test_worker_that_is_gone_loses_its_share():
    state, _ = settle(ProviderState(), TEN, calls("a", 10), NOW)
    _, grant = settle(state, TEN, calls("b", 10), NOW + SHARE_SECONDS)
    assert grant.held == 10


def test_worker_that_wants_nothing_more_holds_nothing():
    state, _ = settle(ProviderState(), TEN, calls("a", 10), NOW)
    state, _ = settle(state, TEN, Need("a"), NOW)
    assert state.shares == {}


def test_one_call_at_once_goes_from_hand_to_hand():
    wants = {"a": 5, "b": 5, "c": 5}
    turns = [fair_shares(1, wants, turn=turn) for turn in range(3)]
    assert sorted(name for turn in turns for name, share in turn.items() if share) == ["a", "b", "c"]


@given(
    st.integers(0, 50),
    st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers(0, 30)),
    st.integers(0, 9),
)
def test_division_gives_nobody_too_much_and_leaves_nothing_lying(cap, wants, turn):
    shares = fair_shares(cap, wants, turn=turn)
    assert all(0 <= shares[name] <= wants[name] for name in wants)
    assert sum(shares.values()) == min(cap, sum(wants.values()))
    unsatisfied = [shares[name] for name in wants if shares[name] < wants[name]]
    assert all(shares[name] <= least + 1 for least in unsatisfied for name in wants)


def test_refusal_cools_the_provider_for_everybody_and_halves_what_may_run():
    state, _ = settle(ProviderState(), TEN, calls("a", 8), NOW)
    state, _ = settle(state, TEN, Need("a", active=7, wanted=7, refusal=Refusal(NOW, 30.0)), NOW + 1)
    _, grant = settle(state, TEN, calls("b", 10), NOW + 2)
    assert grant.cool_until == NOW + 31
    assert grant.held == 0, "seven still run, four are allowed"
    _, grant = settle(state, TEN, calls("b", 10), NOW + 32)
    assert 4 <= grant.held <= 5


def test_refusals_of_calls_that_were_under_way_count_once():
    state, _ = settle(ProviderState(), TEN, calls("a", 8), NOW)
    for second in range(1, 5):
        state, _ = settle(state, TEN, Need("a", active=1, wanted=1, refusal=Refusal(NOW, 3.0)), NOW + second)
    assert state.allowed == 4
    assert state.cool_until == NOW + 7


def test_what_may_run_grows_back_to_the_limit():
    state = ProviderState(allowed=1.0, at=NOW)
    for second in range(1, 60):
        state, grant = settle(state, TEN, calls("a", 10), NOW + second)
    assert grant.held == 10
    assert state.allowed is None


@pytest.mark.parametrize("asked", [None, -1.0, 0.0, 1e9])
def test_cool_down_lasts_a_bounded_time(asked):
    state, _ = settle(ProviderState(), TEN, Need("a", refusal=Refusal(NOW, asked)), NOW)
    assert NOW + 1 <= state.cool_until <= NOW + 3600


@given(
    st.integers(1, 600),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 200), st.floats(0.001, 20)), min_size=1, max_size=60),
)
def test_no_minute_begins_more_requests_than_the_limit(per_minute, turns):
    limits = ProviderLimits(concurrent=10_000, requests_per_minute=per_minute)
    state, now, begun = ProviderState(), NOW, []
    for worker, number, pause in turns:
        now += pause
        state, grant = settle(state, limits, calls(worker, number), now)
        begun += [now] * int(grant.requests)
    for start in begun:
        assert sum(start <= moment < start + 60 for moment in begun) <= per_minute


def test_unused_requests_are_given_back():
    limits = ProviderLimits(requests_per_minute=100)
    state, grant = settle(ProviderState(), limits, calls("a", 5), NOW)
    assert grant.requests == 5
    state, _ = settle(state, limits, Need("a", unused_requests=5), NOW)
    _, grant = settle(state, limits, calls("b", 5), NOW)
    assert grant.requests == 5


def test_large_call_needs_a_full_bucket_ahead_and_owes_the_rest():
    limits = ProviderLimits(tokens_per_minute=1000)
    ahead = tokens_ahead(4000, limits)
    assert ahead == 50
    state, grant = settle(ProviderState(), limits, calls("a", 2, tokens=2 * ahead, first_tokens=ahead), NOW)
    assert grant.tokens == 50
    state, _ = settle(state, limits, Need("a", active=1, wanted=1, unused_tokens=-3950), NOW + 1)
    _, grant = settle(state, limits, calls("b", 1, tokens=10, first_tokens=10), NOW + 60)
    assert (grant.tokens, grant.short_of) == (0, "1000 tokens a minute are used up")


def test_nonsense_that_a_server_counts_is_forgotten_in_minutes():
    limits = ProviderLimits(tokens_per_minute=1000)
    state, _ = settle(ProviderState(), limits, Need("a", unused_tokens=-1e30), NOW)
    _, grant = settle(state, limits, calls("b", 1, tokens=10, first_tokens=10), NOW + 700)
    assert grant.tokens == 10


def test_clock_that_was_ahead_cools_nobody_for_ever():
    state = ProviderState(cool_until=NOW + 1e9, limited_at=NOW + 1e9, at=NOW)
    state, grant = settle(state, TEN, calls("a", 1), NOW + 1)
    assert grant.cool_until <= NOW + 3601
    assert state.limited_at <= NOW + 1


def test_state_survives_json():
    state, _ = settle(ProviderState(), ProviderLimits(requests_per_minute=9), calls("a", 3), NOW)
    assert ProviderState.read(json.loads(json.dumps(state.document()))) == state
    assert ProviderState.read({}) == ProviderState()
    assert ProviderState.read({"a later version's": 1, "allowed": 3.0}) == ProviderState(allowed=3.0)
