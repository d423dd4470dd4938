"""Whether a run may begin within a budget."""

import pytest

from components.prices import Bill
from contexts.trials.budget import UNKNOWN_TOKENS, Budget, Expected, Verdict, verdict

GO, WAIT, STOP = Verdict.GO, Verdict.WAIT, Verdict.STOP


def ask(budget: Budget, *, spent=0, usd=0.0, ended=(), under_way=(), following=100) -> Verdict:
    return verdict(
        budget,
        spent=Bill(spent, 0, usd),
        ended=[Bill(tokens, 0) for tokens in ended],
        under_way=[Expected(tokens) for tokens in under_way],
        following=Expected(following),
    )


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, GO),
        ({"following": 1_000}, GO),
        ({"following": 1_001}, STOP),
        ({"spent": 950}, STOP),
        ({"spent": 500, "under_way": [450]}, WAIT),
        ({"spent": 500, "under_way": [300]}, GO),
        ({"spent": 950, "under_way": [10]}, WAIT),
        ({"spent": 500, "ended": [500]}, GO),
        ({"spent": 501, "ended": [501]}, STOP),
    ],
    ids=[
        "nothing yet",
        "just fits",
        "too much",
        "used up",
        "others may use it",
        "all fit",
        "wait",
        "mean fits",
        "mean",
    ],
)
def test_a_run_begins_where_it_is_expected_to_fit(facts, expected):
    assert ask(Budget(1_000), **facts) is expected


def test_a_run_of_which_nothing_is_known_is_expected_to_use_something():
    assert ask(Budget(UNKNOWN_TOKENS), following=0) is GO
    assert ask(Budget(UNKNOWN_TOKENS - 1), following=0) is STOP


def test_money_stops_as_tokens_do():
    budget = Budget(1_000_000, most_usd=0.10)
    known = Expected(100, usd=0.06)
    assert verdict(budget, spent=Bill(1, 1, 0.04), ended=[], under_way=[], following=known) is GO
    assert verdict(budget, spent=Bill(1, 1, 0.05), ended=[], under_way=[], following=known) is STOP
    assert verdict(budget, spent=Bill(), ended=[], under_way=[known], following=known) is WAIT


def test_a_budget_is_said_in_words():
    assert str(Budget(20_000)) == "20,000 tokens"
    assert str(Budget(20_000, 0.5)) == "20,000 tokens and $0.5000"
