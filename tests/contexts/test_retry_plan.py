"""What a retry keeps and does again: the versions of template and pipeline, and what has been looked at."""

import pytest

from base.problems import Conflict, InvalidInput
from components.models import Pipeline
from contexts.models import Context
from contexts.retry_plan import RetryWish, Standing, retry_plan
from contexts.services import context_retry
from contexts.states import Status
from tests.contexts.rows import INPUT, STEPS, TEMPLATE, WRITES, ran_context, step_run

pytestmark = pytest.mark.django_db
PIPELINE_ID = "pipe_articles"


def standing(done: list[str], pipeline: list | None = None) -> Standing:
    data = dict(INPUT)
    for key in done:
        data |= WRITES[key.partition("#")[0]]
    return Standing(pipeline or STEPS, data, [step_run(key) for key in done], done)


def test_a_template_that_is_kept_is_kept_though_all_else_runs_again():
    plan = retry_plan(standing(STEPS[:2]), RetryWish("start", keep_template=True))
    assert (plan.kept, plan.again) == (["template"], ["ai_generator", "transformer"])
    assert plan.data == {**INPUT, "template": TEMPLATE}


def test_a_template_that_the_client_sent_is_nothing_to_keep():
    before = Standing(STEPS[1:], {**INPUT, "template": TEMPLATE}, [], [])
    assert retry_plan(before, RetryWish("start", keep_template=True)).again == STEPS[1:]


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        (STEPS, STEPS[:2]),
        (["template", "ai_generator"], STEPS[:2]),
        (["template", "ai_generator", "media", "transformer"], STEPS[:2]),
        (["template", {"component": "ai_generator", "config": {"temperature": 0}}, "transformer"], STEPS[:1]),
        (["media", "template", "ai_generator", "transformer"], []),
        ([["template", "media"], "ai_generator", "transformer"], []),
        ([{"component": "template"}, "ai_generator"], STEPS[:2]),
    ],
    ids=["same", "shorter", "one-more", "other-settings", "one-before", "in-parallel", "written-otherwise"],
)
def test_of_another_pipeline_the_steps_before_the_first_change_are_kept(steps, kept):
    plan = retry_plan(standing(STEPS[:2]), RetryWish(steps=steps))
    assert plan.kept == kept
    assert plan.pipeline == steps
    expected = dict(INPUT)
    for key in kept:
        expected |= WRITES[key]
    assert plan.data == expected


def pipeline_row(steps: list, **fields) -> Pipeline:
    return Pipeline.objects.create(id=PIPELINE_ID, name="Articles", steps=steps, **fields)


def test_a_retry_takes_the_steps_that_the_pipeline_has_now(organization):
    context = ran_context(organization, Status.FAILED, STEPS[:2], pipeline_id=PIPELINE_ID)
    newest = ["template", {"component": "ai_generator", "config": {"temperature": 0}}, "transformer"]
    pipeline_row(newest)
    again = context_retry(context.pk, organization_id=None, newest_pipeline=True)
    assert (again.pipeline, again.processing["completed_components"]) == (newest, ["template"])
    assert again.data == {**INPUT, "template": TEMPLATE}


def test_without_the_wish_the_steps_stay_as_they_were(organization):
    context = ran_context(organization, Status.FAILED, STEPS[:2], pipeline_id=PIPELINE_ID)
    pipeline_row(["template"])
    assert context_retry(context.pk, organization_id=None).pipeline == STEPS


@pytest.mark.parametrize("row", [{"steps": STEPS[:1], "is_active": False}, {"steps": ["gone"]}], ids=["off", "broken"])
def test_a_pipeline_that_cannot_be_used_is_told_and_nothing_changes(organization, row):
    context = ran_context(organization, Status.FAILED, STEPS[:2], pipeline_id=PIPELINE_ID)
    pipeline_row(**row)
    with pytest.raises((Conflict, InvalidInput)):
        context_retry(context.pk, organization_id=None, newest_pipeline=True)
    assert Context.objects.get(pk=context.pk).status == Status.FAILED


def test_a_context_that_is_not_what_was_looked_at_is_left_alone(organization):
    context = ran_context(organization, Status.FAILED, STEPS[:1])
    with pytest.raises(Conflict, match="changed meanwhile"):
        context_retry(context.pk, organization_id=None, seen_revision=context.revision + 1)
    assert context_retry(context.pk, organization_id=None, seen_revision=context.revision).status == Status.RETRYING
