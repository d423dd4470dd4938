"""A template with a draft, contexts that were really written by it, and trials of the draft."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command

from contexts.engine.run import run_drain
from contexts.models import Context
from contexts.services import context_submit
from contexts.submission import ContextSubmission, Submitter
from contexts.trials.models import Trial, TrialItem, new_trial_id
from contexts.trials.run import take_turn
from contexts.trials.services import Trying, replay_begin
from templates_app.models import Template, TemplateVersion
from templates_app.services import draft_save
from tests.fakes.openai_server import FakeOpenAi
from users.access import Role
from users.models import Organization, User

DRAFT_WORDS = "Write about {{ title }} as the draft says"
STRUCTURE = {
    "sections": [
        {"type": "introduction", "instructions": DRAFT_WORDS},
        {"type": "body", "sections": 2, "instructions": "Be brief"},
        {"type": "conclusion", "instructions": "End"},
    ]
}
DATA = {"title": "Example Article", "keywords": ["one", "two"], "target_audience": "developers", "tone": "technical"}
PIPELINE = ["template", "ai_generator", "transformer"]
LINGER_SECONDS = 0.6


@pytest.fixture
def model_server(settings, transactional_db) -> Iterator[FakeOpenAi]:
    with FakeOpenAi() as server:
        settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, settings.OPENAI_MODEL = "key", server.base_url, "gpt-4"
        call_command("loadsamples", verbosity=0)
        yield server


@pytest.fixture
def template(model_server) -> Template:
    return Template.objects.get(pk="tmpl_article_technical")


@pytest.fixture
def draft(template) -> TemplateVersion:
    return draft_save(template, structure=STRUCTURE, note="Shorter")


@pytest.fixture
def editor(transactional_db) -> User:
    return User.objects.create_user("editor", "x", role=Role.EDITOR)


@pytest.fixture
def worked(model_server) -> Callable[..., list[Context]]:
    """Submit contexts of these titles and let the engine work them; return them as they ended."""

    def make(*titles: str, organization_id: str = "org_default", pipeline: Any = None, **data: Any) -> list[Context]:
        made = []
        for title in titles:
            wish = ContextSubmission(
                type="article", pipeline=pipeline or PIPELINE, data={**DATA, "title": title, **data}
            )
            made.append(context_submit(wish, submitter=Submitter(organization_id))[0])
        run_drain(until_idle=True)
        return [Context.objects.get(pk=context.pk) for context in made]

    return make


@pytest.fixture
def other_organization(transactional_db) -> Organization:
    return Organization.objects.create(id="org_other", name="Other organization")


@pytest.fixture
def who(editor) -> Callable[..., Trying]:
    def make(**changes: Any) -> Trying:
        values: dict[str, Any] = {
            "trial_id": new_trial_id(),
            "author": editor,
            "organization_id": None,
            "most_tokens": 1_000_000,
        }
        return Trying(**(values | changes))

    return make


@pytest.fixture
def replay(template, draft, who) -> Callable[..., Trial]:
    def begin(contexts: list[Context], **changes: Any) -> Trial:
        return replay_begin(template, contexts, who(**changes))[0]

    return begin


def run_trials() -> int:
    return take_turn(linger_seconds=LINGER_SECONDS)


def items(trial: Trial) -> list[TrialItem]:
    return list(TrialItem.objects.filter(trial_id=trial.pk).order_by("pk"))


def states(trial: Trial) -> list[str]:
    return [item.state for item in items(trial)]
