"""What calls of models cost: tokens at the prices that a component's settings name. Pure.

Where no price is set, the tokens are all that can be said: a sum never passes off a part as the whole.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

INPUT_PRICE, OUTPUT_PRICE = "input_usd_per_million_tokens", "output_usd_per_million_tokens"
PER = 1_000_000


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens of each direction."""

    input_usd: float
    output_usd: float

    def cost_usd(self, *, input_tokens: int, output_tokens: int) -> float:
        return (input_tokens * self.input_usd + output_tokens * self.output_usd) / PER


@dataclass(frozen=True)
class Bill:
    """What some calls used, and what that cost.

    Args:
        cost_usd: of the calls whose price is known.
        unpriced_tokens: those of the other calls.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    unpriced_tokens: int = 0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def is_priced(self) -> bool:
        """Tell whether the cost is all of it."""
        return not self.unpriced_tokens

    def __add__(self, other: "Bill") -> "Bill":
        return Bill(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cost_usd + other.cost_usd,
            self.unpriced_tokens + other.unpriced_tokens,
        )


def price_in(settings: Mapping[str, Any]) -> Price | None:
    """Return the price that a component's settings name; None unless they name that of both directions."""
    prices = settings.get(INPUT_PRICE), settings.get(OUTPUT_PRICE)
    return Price(*prices) if None not in prices else None  # type: ignore[arg-type]


def bill_for(*, input_tokens: int, output_tokens: int, cost_usd: float | None) -> Bill:
    """Return the bill of one call; a cost of None says that its price is not known."""
    unpriced = input_tokens + output_tokens if cost_usd is None else 0
    return Bill(input_tokens, output_tokens, cost_usd or 0.0, unpriced)


def bill_of(step_runs: Iterable[Mapping[str, Any]]) -> Bill:
    """Return what entries of the step history cost together."""
    return sum((_bill_of_run(run) for run in step_runs), Bill())


def _bill_of_run(run: Mapping[str, Any]) -> Bill:
    return bill_for(
        input_tokens=run.get("input_tokens") or 0,
        output_tokens=run.get("output_tokens") or 0,
        cost_usd=run.get("cost_usd"),
    )


def bill_at(run: Mapping[str, Any], price: Price | None) -> Bill:
    """Return what the tokens of an entry of the step history would cost at another price: that of today."""
    used = _bill_of_run(run)
    cost = price.cost_usd(input_tokens=used.input_tokens, output_tokens=used.output_tokens) if price else None
    return bill_for(input_tokens=used.input_tokens, output_tokens=used.output_tokens, cost_usd=cost)


def money_text(bill: Bill) -> str:
    """Say what it cost: ``$0.0123``, ``at least $0.0123``, ``price not known``; ``nothing`` without any call."""
    if bill.is_priced:
        return usd_text(bill.cost_usd) if bill.tokens or bill.cost_usd else "nothing"
    return f"at least {usd_text(bill.cost_usd)}" if bill.cost_usd else "price not known"


def usd_text(amount: float) -> str:
    """Write an amount: cents, and as many digits more as a small amount needs to be seen."""
    if amount >= 1 or amount == 0:
        return f"${amount:,.2f}"
    return f"${amount:.4f}" if amount >= 0.0001 else "under $0.0001"


def tokens_text(bill: Bill) -> str:
    """Say how many tokens: ``1,200 (1,000 in, 200 out)``."""
    return f"{bill.tokens:,} ({bill.input_tokens:,} in, {bill.output_tokens:,} out)"
