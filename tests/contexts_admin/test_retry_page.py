"""The page that retries: every way with what it keeps, what it runs again, and its price."""

import pytest
from django.test import Client

from components.models import Component, Pipeline
from contexts.engine.run import run_drain
from contexts.models import Context
from contexts.states import Status
from templates_app.models import Template
from templates_app.services import draft_publish, draft_save
from tests.contexts.rows import STEPS, ran_context
from tests.fakes.openai_server import answer, refusal
from users.access import Role

pytestmark = pytest.mark.django_db
LIST = "/admin/contexts/context/"
TEMPLATE_ID = "tmpl_article_technical"


def retry_page(browser: Client, context: Context, **query: str) -> str:
    response = browser.get(f"{LIST}{context.pk}/retry/", query)
    assert response.status_code == 200
    text: str = response.content.decode()
    return text


@pytest.fixture
def failed(organization) -> Context:
    """It failed at the last step; the generator had used a thousand and two hundred tokens."""
    context = ran_context(organization, Status.FAILED, STEPS[:2])
    context.step_runs[1] |= {"input_tokens": 1000, "output_tokens": 200, "cost_usd": 0.25, "duration_ms": 3000}
    context.step_runs[0] |= {"template_id": TEMPLATE_ID, "template_version": 3}
    context.save()
    return context


def test_every_way_has_its_price(operator, failed):
    choices = operator.get(f"{LIST}{failed.pk}/retry/").context["choices"]
    told = {choice.value: (choice.tag.kept, [step.key for step in choice.tag.again], choice.cost) for choice in choices}
    assert told == {
        "failed": (STEPS[:2], STEPS[2:], "nothing"),
        "ai_generator": (STEPS[:1], STEPS[1:], "$0.2500"),
        "template": ([], STEPS, "$0.2500"),
        "start": ([], STEPS, "$0.2500"),
    }
    assert "had cost $0.2500" in retry_page(operator, failed)


def test_the_template_may_stay_the_same(operator, failed):
    assert f"The same as before ({TEMPLATE_ID} v3)" in retry_page(operator, failed)
    choices = operator.get(f"{LIST}{failed.pk}/retry/", {"template": "same"}).context["choices"]
    assert [choice.tag.kept for choice in choices if choice.value == "start"] == [["template"]]
    operator.post(f"{LIST}{failed.pk}/retry/", {"from": "start", "template": "same", "why": "  cheaper "})
    failed.refresh_from_db()
    assert failed.processing["completed_components"] == ["template"]
    assert failed.moves[-1]["act"]["did"] == "retried from the start, with the same template version"
    assert failed.moves[-1]["act"]["why"] == "cheaper"


def test_a_pipeline_that_has_changed_is_offered_and_taken(operator, failed):
    newest = ["template", {"component": "ai_generator", "config": {"temperature": 0}}, "transformer"]
    Pipeline.objects.create(id="pipe_a", name="A", steps=newest)
    assert 'name="pipeline"' not in retry_page(operator, failed)
    Context.objects.filter(pk=failed.pk).update(pipeline_id="pipe_a")
    assert "As pipe_a is now" in retry_page(operator, failed)
    choices = operator.get(f"{LIST}{failed.pk}/retry/", {"pipeline": "newest"}).context["choices"]
    assert choices[0].tag.kept == ["template"]
    operator.post(f"{LIST}{failed.pk}/retry/", {"from": "failed", "pipeline": "newest"})
    failed.refresh_from_db()
    assert failed.pipeline == newest


def test_a_pipeline_that_is_gone_is_told(operator, failed):
    Context.objects.filter(pk=failed.pk).update(pipeline_id="pipe_gone")
    page = retry_page(operator, failed, pipeline="newest")
    assert "is gone or switched off" in page
    assert 'name="pipeline"' not in page


def test_what_changed_since_it_was_looked_at_is_told_with_the_price_of_now(operator, failed):
    page = operator.post(f"{LIST}{failed.pk}/retry/", {"revision": "99", "from": "start", "why": "my reason"})
    text = page.content.decode()
    assert "changed meanwhile" in text
    assert "my reason" in text
    assert f'name="revision" value="{failed.revision}"' in text
    failed.refresh_from_db()
    assert failed.status == Status.FAILED


def test_what_has_not_failed_is_led_back(operator, failed):
    Context.objects.filter(pk=failed.pk).update(status=Status.COMPLETED)
    page = operator.get(f"{LIST}{failed.pk}/retry/", follow=True)
    assert "only a failed one can be retried" in page.content.decode()


@pytest.mark.parametrize("query", [{"from": "\x00"}, {"from": "x" * 5000}, {"revision": "9" * 400}, {"why": "x" * 600}])
def test_nonsense_is_refused_and_changes_nothing(operator, failed, query):
    assert operator.post(f"{LIST}{failed.pk}/retry/", {"from": "failed", **query}).status_code in (200, 302)
    if query.get("revision") is None:
        failed.refresh_from_db()
        assert failed.status == Status.FAILED


def test_another_organizations_context_is_not_there(person, failed, other):
    assert person(Role.OPERATOR, other).get(f"{LIST}{failed.pk}/retry/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_the_newest_template_is_used_where_its_step_runs_again(operator, worked, model_server):
    context = worked(refusal())
    structure = {"sections": [{"type": "introduction", "instructions": "Begin anew."}]}
    draft_publish(draft_save(Template.objects.get(pk=TEMPLATE_ID), structure=structure))
    assert f"{TEMPLATE_ID} v2 is live" in retry_page(operator, context)
    model_server.default = answer()
    operator.post(f"{LIST}{context.pk}/retry/", {"from": "start"})
    run_drain(until_idle=True)
    context.refresh_from_db()
    assert context.data["template"]["version"] == 2


def test_a_configured_component_is_priced_at_its_own_price(operator, organization):
    prices = {"input_usd_per_million_tokens": 1000, "output_usd_per_million_tokens": 1000}
    Component.objects.create(id="comp_dear", name="Dear", type="ai_generator", config=prices)
    context = ran_context(organization, Status.FAILED, STEPS[:1], pipeline=["template", "comp_dear"])
    context.step_runs[-1] |= {"key": "comp_dear", "component": "comp_dear", "input_tokens": 500, "output_tokens": 500}
    context.save()
    assert "1,000 tokens, $1.00" in retry_page(operator, context)
