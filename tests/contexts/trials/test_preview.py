"""The prompt as a model would get it, without asking one."""

import pytest

from components.contract import FoundTemplate
from components.models import Component
from contexts.models import Context
from contexts.trials.bench import Source, source_of
from contexts.trials.preview import preview
from tests.contexts.trials.conftest import DATA, PIPELINE, STRUCTURE
from tests.fakes import openai_server as model

pytestmark = pytest.mark.django_db(transaction=True)
TEXT = FoundTemplate("tmpl_article_technical", 2, STRUCTURE)
SAMPLE = Source("article", PIPELINE, DATA)


def test_a_preview_is_word_for_word_what_the_model_is_asked_then(worked, model_server, template):
    (context,) = worked("The Stapler")
    asked = {message["role"]: message["content"] for message in model_server.bodies[-1]["messages"]}
    calls = model_server.calls
    live = FoundTemplate(template.pk, 1, template.versions.get(number=1).structure)
    (prompt,) = preview(live, source_of(context)).prompts
    assert (prompt.system, prompt.prompt) == (asked["system"], asked["user"])
    assert prompt.tokens > 0
    assert model_server.calls == calls


def test_a_preview_of_a_sample_stores_nothing(model_server):
    found = preview(TEXT, SAMPLE)
    assert found.error is None
    assert "Write about Example Article as the draft says" in found.prompts[0].prompt
    assert not Context.objects.exists()


def test_every_step_that_asks_a_model_is_shown(model_server):
    steps = ["template", "ai_generator", {"component": "ai_generator", "config": {"guidance": "In the house's style"}}]
    found = preview(TEXT, Source("article", [*steps, "transformer"], DATA))
    assert ["In the house's style" in prompt.system for prompt in found.prompts] == [False, True]


def test_a_pipeline_that_cannot_go_on_says_why(model_server):
    bad = {"sections": [{"type": "introduction", "instructions": "About {{ data.summary }}"}]}
    found = preview(FoundTemplate("tmpl_x", 1, bad), SAMPLE)
    assert found.prompts == []
    assert found.error is not None
    assert found.error["type"] == "prompt_error"
    assert "summary" in found.error["message"]


def test_a_step_that_acts_outside_is_not_run_but_answers_as_it_did(worked, model_server, settings):
    context = _with_an_answer_from_outside(worked)
    source = source_of(context)
    assert source.recorded["comp_facts"] == {"facts": {"height": 12}}
    assert "facts" not in source.data
    asking = {"sections": [{"type": "introduction", "instructions": "It is {{ data.facts.height }} cm high"}]}
    (prompt,) = preview(FoundTemplate("tmpl_x", 1, asking), source).prompts
    assert "It is 12 cm high" in prompt.prompt


def _with_an_answer_from_outside(worked) -> Context:
    config = {"url": "http://facts.example/", "result_key": "facts"}
    Component.objects.create(id="comp_facts", name="Facts", type="http", config=config)
    context: Context = worked("One")[0]
    context.pipeline = ["comp_facts", *context.pipeline]
    run = {**context.step_runs[0], "key": "comp_facts", "component": "comp_facts", "wrote": ["facts"]}
    context.step_runs = [run, *context.step_runs]
    context.data = {**context.data, "facts": {"height": 12}}
    context.save()
    return context


def test_a_model_that_would_refuse_is_not_asked(worked, model_server):
    model_server.default = model.refusal()
    assert len(preview(TEXT, SAMPLE).prompts) == 1
    assert model_server.calls == 0
