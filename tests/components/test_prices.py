"""What calls of models cost."""

import pytest

from components.builtin.ai_generator import AiGeneratorConfig
from components.prices import (
    INPUT_PRICE,
    OUTPUT_PRICE,
    Bill,
    Price,
    bill_at,
    bill_of,
    money_text,
    price_in,
    tokens_text,
)

PRICED = {"input_tokens": 1_000, "output_tokens": 500, "cost_usd": 0.025}
UNPRICED = {"input_tokens": 10, "output_tokens": 20, "cost_usd": None}
NO_CALL = {"input_tokens": None, "output_tokens": None, "cost_usd": None}


def test_the_settings_of_the_generator_bear_the_names_that_prices_are_read_by():
    assert {INPUT_PRICE, OUTPUT_PRICE} <= set(AiGeneratorConfig.model_fields)
    config = AiGeneratorConfig(input_usd_per_million_tokens=10, output_usd_per_million_tokens=30)
    assert price_in(config.model_dump()) == Price(10, 30)


@pytest.mark.parametrize("settings", [{}, {INPUT_PRICE: 1}, {OUTPUT_PRICE: 1}, {INPUT_PRICE: None, OUTPUT_PRICE: 1}])
def test_a_price_of_one_direction_alone_is_none(settings):
    assert price_in(settings) is None


def test_a_price_of_nothing_is_a_price():
    assert price_in({INPUT_PRICE: 0, OUTPUT_PRICE: 0}) == Price(0, 0)


def test_a_history_is_summed_and_says_what_has_no_price():
    bill = bill_of([PRICED, UNPRICED, NO_CALL])
    assert bill == Bill(1_010, 520, 0.025, unpriced_tokens=30)
    assert not bill.is_priced
    assert bill_of([PRICED, NO_CALL]).is_priced


def test_tokens_of_the_past_are_put_at_another_price():
    assert bill_at(UNPRICED, Price(1_000_000, 2_000_000)) == Bill(10, 20, 50.0)
    assert bill_at(PRICED, None) == Bill(1_000, 500, 0.0, unpriced_tokens=1_500)


@pytest.mark.parametrize(
    ("bill", "said"),
    [
        (Bill(), "nothing"),
        (Bill(10, 0, 0.0), "$0.00"),
        (Bill(10, 10, 1234.5), "$1,234.50"),
        (Bill(10, 10, 0.0123), "$0.0123"),
        (Bill(10, 10, 0.00001), "under $0.0001"),
        (Bill(10, 10, 0.0, unpriced_tokens=20), "price not known"),
        (Bill(10, 10, 0.5, unpriced_tokens=2), "at least $0.5000"),
    ],
)
def test_a_cost_is_said_in_words(bill, said):
    assert money_text(bill) == said


def test_tokens_are_said_by_direction():
    assert tokens_text(Bill(1_000, 200)) == "1,200 (1,000 in, 200 out)"
