"""What a retry would cost, said before it is made."""

import pytest

from components.models import Component
from components.prices import Bill
from contexts.models import Context
from contexts.price_tags import Estimator, PriceTag
from contexts.retry_plan import RetryWish, Standing, retry_plan
from contexts.states import Status
from tests.contexts.rows import STEPS, ran_context, step_run
from tests.plans import assert_reads_an_index, plans_of

pytestmark = pytest.mark.django_db
ASKED = {"input_tokens": 1000, "output_tokens": 200, "duration_ms": 3000}


def tag_of(context: Context, from_step: str = "failed") -> PriceTag:
    done = context.processing.get("completed_components", [])
    plan = retry_plan(Standing(context.pipeline, context.data, context.step_runs, done), RetryWish(from_step))
    return Estimator(context).tag(plan)


def test_what_has_run_here_before_is_expected_to_use_as_much_again(organization):
    context = ran_context(organization, Status.FAILED, STEPS[:2])
    context.step_runs[1] |= {**ASKED, "cost_usd": 0.25}
    kept, again = tag_of(context), tag_of(context, "ai_generator")
    assert kept.kept == STEPS[:2]
    assert kept.saved == Bill(1000, 200, 0.25)
    assert again.bill == Bill(1000, 200, 0.25)
    assert again.again[0].basis == "as its last run here"
    assert again.saved == Bill()


def test_a_failed_run_that_asked_a_model_tells_too(organization):
    context = ran_context(organization, Status.FAILED, STEPS[:1])
    context.step_runs[-1] |= ASKED
    assert tag_of(context).bill.tokens == 1200


def test_what_has_not_run_here_is_expected_to_use_the_median_of_its_type(organization):
    for tokens in (100, 500, 9000):
        other = ran_context(organization, Status.COMPLETED, STEPS)
        other.step_runs[1] |= ASKED | {"input_tokens": tokens}
        other.save()
    context = ran_context(organization, Status.FAILED, STEPS[:1])
    generator, transformer = tag_of(context).again
    assert generator.bill is not None
    assert generator.bill.input_tokens == 500
    assert generator.basis == "the median of 3 recent runs for article"
    assert transformer.bill == Bill()


def test_other_types_and_other_organizations_tell_nothing(organization):
    ran_context(organization, Status.COMPLETED, STEPS, type="poem")
    context = ran_context(organization, Status.FAILED, STEPS[:1])
    tag = tag_of(context)
    assert tag.unknown == ["ai_generator", "transformer"]
    assert tag.again[0].basis == "nothing like it has run yet"


def test_the_prices_are_those_of_today(organization):
    prices = {"input_usd_per_million_tokens": 1000, "output_usd_per_million_tokens": 0}
    Component.objects.create(id="comp_dear", name="Dear", type="ai_generator", config=prices)
    context = ran_context(organization, Status.FAILED, STEPS[:1], pipeline=["template", "comp_dear", "transformer"])
    context.step_runs[-1] |= {**ASKED, "cost_usd": 77.0, "key": "comp_dear", "component": "comp_dear"}
    assert tag_of(context).bill == Bill(1000, 200, 1.0)


def test_a_component_that_is_gone_is_priced_as_it_was(organization):
    context = ran_context(organization, Status.FAILED, STEPS[:1], pipeline=["template", "comp_gone"])
    context.step_runs[-1] |= {**ASKED, "cost_usd": 0.5, "key": "comp_gone", "component": "comp_gone"}
    assert tag_of(context).bill.cost_usd == 0.5


def test_the_recent_ones_are_read_from_an_index(organization):
    context = ran_context(organization, Status.FAILED, STEPS[:1])
    context.step_runs = [step_run("template")]
    assert_reads_an_index(plans_of(lambda: tag_of(context), "contexts"), "contexts_org_type")
