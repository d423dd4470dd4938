"""Whether a trial's next run may begin within its budget. Pure.

What a run will use is not known before it has ended. So each run that is under way is counted with what is expected
of it: what the context's own run used, or the mean of the runs that have ended where that is more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from components.prices import Bill, usd_text

# Of a run of which nothing is known: a prompt and an article.
UNKNOWN_TOKENS = 3_000


class Verdict(Enum):
    """``WAIT``: what is under way may leave enough."""

    GO = "go"
    WAIT = "wait"
    STOP = "stop"


@dataclass(frozen=True)
class Budget:
    """The most that a trial may use; None is no limit."""

    most_tokens: int
    most_usd: float | None = None

    def holds(self, tokens: float, usd: float) -> bool:
        return tokens <= self.most_tokens and (self.most_usd is None or usd <= self.most_usd)

    def __str__(self) -> str:
        tokens = f"{self.most_tokens:,} tokens"
        return tokens if self.most_usd is None else f"{tokens} and {usd_text(self.most_usd)}"


@dataclass(frozen=True)
class Expected:
    """What one run is expected to use."""

    tokens: float
    usd: float = 0.0


def verdict(
    budget: Budget, *, spent: Bill, ended: Sequence[Bill], under_way: Sequence[Expected], following: Expected
) -> Verdict:
    """Tell whether the next run may begin.

    Args:
        spent: of all runs, those under way included as far as they are billed.
        ended: the bills of the runs that have ended.
    """
    mean = _mean(ended)
    tokens = spent.tokens + _wanted(following, mean).tokens
    usd = spent.cost_usd + _wanted(following, mean).usd
    if not budget.holds(tokens, usd):
        return Verdict.STOP if not under_way else Verdict.WAIT
    wanted = [_wanted(expected, mean) for expected in under_way]
    fits = budget.holds(tokens + sum(one.tokens for one in wanted), usd + sum(one.usd for one in wanted))
    return Verdict.GO if fits else Verdict.WAIT


def _mean(bills: Sequence[Bill]) -> Expected:
    if not bills:
        return Expected(0.0)
    return Expected(sum(bill.tokens for bill in bills) / len(bills), sum(bill.cost_usd for bill in bills) / len(bills))


def _wanted(expected: Expected, mean: Expected) -> Expected:
    return Expected(max(expected.tokens, mean.tokens) or UNKNOWN_TOKENS, max(expected.usd, mean.usd))
