"""Correct and continue: a person writes a step's result, the rest runs on, and what was there stays in the history."""

from typing import Any

import pytest
from django.core.management import call_command

from base.problems import Conflict, InvalidInput, NotFound
from contexts.acts import Act
from contexts.content import finished_content
from contexts.correcting import context_correct, correctable_steps, result_of
from contexts.engine.result import MAX_RESULT_BYTES
from contexts.engine.run import run_drain
from contexts.models import Context
from contexts.services import context_retry
from contexts.states import Status
from tests.contexts.rows import GENERATED, INPUT, STEPS, TEMPLATE, ran_context, step_run

pytestmark = pytest.mark.django_db
ACT = Act("user_1", "Ada", "corrected ai_generator", "a wrong name")
BETTER = {"generated_content": {**GENERATED, "introduction": "Better."}, "model_used": "offline"}


@pytest.fixture
def failed(organization) -> Context:
    return ran_context(organization, Status.FAILED, STEPS[:2])


def correct(context: Context, step: str = "ai_generator", result: Any = None, act: Act = ACT, **more: Any) -> Context:
    wish = {"organization_id": None, "seen_revision": context.revision, "act": act} | more
    return context_correct(context.pk, step, BETTER if result is None else result, **wish)


def test_a_correction_stands_in_the_data_and_what_was_there_in_the_history(failed):
    again = correct(failed)
    assert again.status == Status.RETRYING
    assert again.data["generated_content"]["introduction"] == "Better."
    assert again.processing["completed_components"] == STEPS[:2]
    *before, run = again.step_runs
    assert before == failed.step_runs
    assert (run["key"], run["outcome"], run["wrote"]) == (
        "ai_generator",
        "corrected",
        ["generated_content", "model_used"],
    )
    assert run["correction"] == {"act": ACT.document(), "before": {"generated_content": GENERATED}}
    assert again.moves[-1]["act"] == ACT.document()
    assert (again.moves[-1]["steps"], again.revision) == (len(again.step_runs), failed.revision + 1)


def test_the_steps_after_it_run_again_with_what_was_corrected(failed):
    again = correct(failed, "template", {"template": {**TEMPLATE, "version": 9}})
    assert again.data == {**INPUT, "template": {**TEMPLATE, "version": 9}}
    assert again.processing["completed_components"] == ["template"]


@pytest.mark.django_db(transaction=True)
def test_a_corrected_context_runs_to_its_end(organization):
    call_command("loadsamples", verbosity=0)
    context = ran_context(organization, Status.FAILED, STEPS[:2])
    sections = [{"type": "introduction", "instructions": "Begin."}]
    Context.objects.filter(pk=context.pk).update(data=context.data | {"template": TEMPLATE | {"sections": sections}})
    correct(context)
    run_drain(until_idle=True)
    context.refresh_from_db()
    assert context.status == Status.COMPLETED
    assert "Better." in finished_content(context).text


def test_a_later_retry_undoes_a_correction_as_it_does_a_run(failed):
    failed.step_runs[1]["replaced"] = {"model_used": "the client's"}
    failed.save()
    again = correct(failed)
    Context.objects.filter(pk=failed.pk).update(status=Status.FAILED)
    again = context_retry(failed.pk, organization_id=None, from_step="ai_generator")
    assert again.data == {**INPUT, "template": TEMPLATE, "model_used": "the client's"}


def test_a_correction_can_be_corrected(failed):
    correct(failed)
    Context.objects.filter(pk=failed.pk).update(status=Status.FAILED)
    failed.refresh_from_db()
    assert result_of(failed, "ai_generator") == BETTER
    again = correct(failed, result={**BETTER, "model_used": "a person"})
    assert again.step_runs[-1]["correction"]["before"] == {"model_used": "offline"}


def test_what_a_later_step_overwrote_is_corrected_as_the_step_wrote_it(organization):
    context = ran_context(organization, Status.FAILED, STEPS[:2])
    context.pipeline = ["template", "ai_generator", "ai_generator", "transformer"]
    second = step_run("ai_generator", replaced={"generated_content": GENERATED, "model_used": "offline"})
    context.step_runs = [*context.step_runs[:2], second | {"key": "ai_generator#2"}]
    context.data["generated_content"] = {"introduction": "Second."}
    context.processing["completed_components"] = [*STEPS[:2], "ai_generator#2"]
    context.save()
    assert result_of(context, "ai_generator")["generated_content"] == GENERATED
    again = correct(context)
    assert again.data["generated_content"] == BETTER["generated_content"]
    assert again.processing["completed_components"] == STEPS[:2]


def test_only_steps_that_wrote_something_can_be_corrected(failed):
    assert correctable_steps(failed) == STEPS[:2]
    for step in ("transformer", "nothing"):
        with pytest.raises(InvalidInput, match="template, ai_generator"):
            correct(failed, step)


@pytest.mark.parametrize("status", [Status.PENDING, Status.PROCESSING, Status.COMPLETED, Status.CANCELLED])
def test_only_a_failed_context_can_be_corrected(organization, status):
    context = ran_context(organization, status, STEPS[:2])
    with pytest.raises(Conflict, match="only a failed context"):
        correct(context)
    assert Context.objects.get(pk=context.pk).data == context.data


def test_a_context_that_moved_meanwhile_is_a_conflict(failed):
    with pytest.raises(Conflict, match="changed meanwhile"):
        correct(failed, seen_revision=failed.revision - 1)


def test_another_organizations_context_is_not_there(failed):
    with pytest.raises(NotFound):
        correct(failed, organization_id="org_other")


def test_a_reason_is_required(failed):
    with pytest.raises(InvalidInput, match="Say why"):
        correct(failed, act=Act("user_1", "Ada"))


def test_a_correction_that_changes_nothing_is_none(failed):
    with pytest.raises(Conflict, match="Nothing is changed"):
        correct(failed, result=result_of(failed, "ai_generator"))


@pytest.mark.parametrize(
    "result",
    [
        {**BETTER, "stranger": 1},
        {"model_used": "x"},
        {**BETTER, "model_used": "x" * MAX_RESULT_BYTES},
        {**BETTER, "model_used": "\x00"},
    ],
    ids=["another-key", "a-key-less", "too-large", "no-text"],
)
def test_a_correction_is_held_to_the_limits_of_a_component(failed, result):
    with pytest.raises(InvalidInput):
        correct(failed, result=result)
    assert Context.objects.get(pk=failed.pk).status == Status.FAILED


def test_clients_see_that_a_step_was_corrected_and_not_by_whom(api, failed):
    correct(failed)
    run = api.get(f"/api/contexts/{failed.pk}/steps").json()["results"][-1]
    assert run["outcome"] == "corrected"
    assert "correction" not in run
