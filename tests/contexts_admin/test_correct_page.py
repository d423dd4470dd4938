"""The page that corrects: a form, a reason, the difference, a click; and nothing that was typed is ever lost."""

import re
from typing import Any

import pytest
from django.test import Client

from contexts.correcting import result_of
from contexts.models import Context
from contexts.services import context_retry
from contexts.states import Status
from tests.contexts.rows import STEPS, ran_context, step_run
from users.access import Role

pytestmark = pytest.mark.django_db
LIST = "/admin/contexts/context/"
INTRODUCTION = "/generated_content/introduction"


@pytest.fixture
def failed(organization) -> Context:
    return ran_context(organization, Status.FAILED, STEPS[:2])


def address(context: Context) -> str:
    return f"{LIST}{context.pk}/correct/"


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    return found[1] if found else ""


def filled(browser: Client, context: Context, **fields: str) -> dict[str, Any]:
    """Return the form as a browser would send it, with these fields changed."""
    page = browser.get(address(context), {"step": "ai_generator"}).content.decode()
    return {
        "began": hidden(page, "began"),
        INTRODUCTION: "Better.",
        "/generated_content/conclusion": "Out.",
        "/model_used": "offline",
        "why": "a wrong name",
    } | fields


def reviewed(browser: Client, context: Context, form: dict[str, Any]) -> dict[str, Any]:
    page = browser.post(address(context), {**form, "do": "review"}).content.decode()
    return {**form, "began": hidden(page, "began"), "reviewed": hidden(page, "reviewed"), "do": "confirm"}


def test_a_result_is_edited_looked_at_and_confirmed(operator, failed):
    form = filled(operator, failed)
    page = operator.post(address(failed), {**form, "do": "review"}).content.decode()
    assert "<del>In.</del><ins>Better.</ins>" in page
    assert 'value="confirm"' in page
    assert Context.objects.get(pk=failed.pk).status == Status.FAILED
    page = operator.post(address(failed), reviewed(operator, failed, form), follow=True).content.decode()
    failed.refresh_from_db()
    assert failed.status == Status.RETRYING
    assert result_of(failed, "ai_generator")["generated_content"]["introduction"] == "Better."
    assert failed.moves[-1]["act"]["why"] == "a wrong name"
    assert "is corrected; the steps after it run now" in page
    assert "a wrong name" in page
    assert "<del>In.</del><ins>Better.</ins>" in page


def test_the_price_of_what_runs_on_stands_beside_the_button(operator, organization):
    runs = [step_run("template"), step_run("ai_generator", input_tokens=400, output_tokens=100, model="gpt-4")]
    failed = ran_context(organization, Status.FAILED, STEPS[:2])
    Context.objects.filter(pk=failed.pk).update(step_runs=[*runs, *failed.step_runs[2:]])
    form = filled(operator, failed)
    page = operator.post(address(failed), {**form, "do": "review"}).content.decode()
    said = re.findall(r'id="price">(.*?)</p>', page, re.DOTALL)[0]
    assert "transformer" in said
    assert "ai_generator" not in said  # it is corrected, not run again
    page = operator.get(address(failed), {"step": "template"}).content.decode()
    form = {
        "began": hidden(page, "began"),
        "/template/id": "tmpl_article_technical",
        "/template/version": "9",
        "why": "x",
    }
    page = operator.post(address(failed), {**form, "do": "review"}).content.decode()
    said = re.findall(r'id="price">(.*?)</p>', page, re.DOTALL)[0]
    assert "500 tokens" in said


def test_what_was_not_looked_at_is_not_confirmed(operator, failed):
    form = reviewed(operator, failed, filled(operator, failed))
    for changed in ({"reviewed": ""}, {INTRODUCTION: "Other."}, {"why": "another reason"}):
        page = operator.post(address(failed), {**form, **changed})
        assert page.status_code == 200
        assert 'value="confirm"' in page.content.decode()  # it is shown anew
    assert Context.objects.get(pk=failed.pk).status == Status.FAILED


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"why": " "}, "Say why"), ({INTRODUCTION: "In."}, "Nothing is changed"), ({"why": "\x00"}, "NUL")],
    ids=["no-reason", "no-change", "no-text"],
)
def test_what_is_lacking_is_said_and_what_was_typed_stays(operator, failed, fields, words):
    page = operator.post(address(failed), filled(operator, failed, **fields) | {"do": "review"}).content.decode()
    assert words in page
    assert 'value="confirm"' not in page
    assert (
        f"\n{fields.get(INTRODUCTION, 'Better.')}" in page or f'value="{fields.get(INTRODUCTION, "Better.")}"' in page
    )


def test_a_context_that_moved_meanwhile_is_told_and_nothing_typed_is_lost(operator, failed):
    form = reviewed(operator, failed, filled(operator, failed, why="a long thought"))
    context_retry(failed.pk, organization_id=None, from_step="start")
    page = operator.post(address(failed), form).content.decode()
    assert "only a failed context can be retried" in page
    assert "Better." in page
    assert "a long thought" in page
    assert 'value="confirm"' not in page
    assert Context.objects.get(pk=failed.pk).status == Status.RETRYING


def test_one_that_failed_anew_can_be_confirmed_after_another_look(operator, failed):
    form = reviewed(operator, failed, filled(operator, failed))
    Context.objects.filter(pk=failed.pk).update(revision=7)
    page = operator.post(address(failed), form).content.decode()
    assert "changed meanwhile" in page
    assert 'value="confirm"' not in page
    form |= {"began": hidden(page, "began")}
    operator.post(address(failed), reviewed(operator, failed, form))
    assert Context.objects.get(pk=failed.pk).status == Status.RETRYING


def test_a_form_that_is_not_ours_is_refused(operator, failed, organization):
    twin = ran_context(organization, Status.FAILED, STEPS[:2])
    theirs = filled(operator, twin)["began"]
    for began in ("", "nonsense", theirs):
        assert operator.post(address(failed), filled(operator, failed) | {"began": began}).status_code == 403


@pytest.mark.parametrize("step", ["transformer", "nothing", "\x00"])
def test_a_step_without_a_result_is_told(operator, failed, step):
    page = operator.get(address(failed), {"step": step}, follow=True)
    assert "wrote nothing to correct" in page.content.decode()


def test_staff_of_one_organization_correct_its_own_and_see_it(person, failed, organization, other):
    assert person(Role.OPERATOR, other).get(address(failed)).status_code == 404
    browser = person(Role.OPERATOR, organization)
    browser.post(address(failed), reviewed(browser, failed, filled(browser, failed)))
    page = browser.get(f"{LIST}{failed.pk}/change/").content.decode()
    assert "wrote this result: “a wrong name”" in page


def test_markup_in_a_result_is_shown_as_text(operator, organization):
    context = ran_context(organization, Status.FAILED, STEPS[:2])
    context.data["model_used"] = "<script>alert(1)</script>"
    context.save()
    form = filled(operator, context, **{"/model_used": "<img src=x onerror=alert(1)>"})
    page = operator.post(address(context), {**form, "do": "review"}).content.decode()
    assert "<script>alert(1)" not in page
    assert "<img src=x" not in page
