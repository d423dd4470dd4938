"""Contexts that the engine really worked, with a model server that misbehaves; people of every role."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from contexts.engine.run import run_drain
from contexts.models import Context
from contexts.services import context_submit
from contexts.submission import ContextSubmission, Submitter
from tests.fakes.openai_server import Behaviour, FakeOpenAi
from users.access import Role
from users.models import Organization, User

PIPELINE = ["template", "ai_generator", "transformer"]
DATA = {"title": "Example Article", "keywords": ["one", "two"], "target_audience": "developers", "tone": "technical"}


@pytest.fixture
def other(db) -> Organization:
    return Organization.objects.create(id="org_other", name="Other organization")


@pytest.fixture
def person() -> Callable[..., Client]:
    """Make a person of a role, and return a browser in which they are logged in."""

    def make(role: Role, organization: Organization | None = None) -> Client:
        user = User.objects.create_user(f"{role.value}-{organization or 'all'}", "x", role=role)
        User.objects.filter(pk=user.pk).update(organization=organization)
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def admin_browser(person) -> Client:
    browser: Client = person(Role.ADMINISTRATOR)
    return browser


@pytest.fixture
def operator(person) -> Client:
    browser: Client = person(Role.OPERATOR)
    return browser


@pytest.fixture
def submit(organization) -> Callable[..., Context]:
    """Submit a context; nobody works it yet."""

    def make(
        owner: Organization = organization, *, pipeline: Any = None, type: str = "article", **data: Any
    ) -> Context:
        wish = ContextSubmission(type=type, pipeline=pipeline or PIPELINE, data={**DATA, **data})
        return context_submit(wish, submitter=Submitter(owner.pk))[0]

    return make


@pytest.fixture
def model_server(settings, transactional_db):
    with FakeOpenAi() as server:
        settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, settings.OPENAI_MODEL = "key", server.base_url, "gpt-4"
        call_command("loadsamples", verbosity=0)
        yield server


@pytest.fixture
def worked(submit, model_server) -> Callable[..., Context]:
    """Submit a context and let the engine work it while the model behaves in a certain way."""

    def make(behaviour: Behaviour, *args: Any, **kwargs: Any) -> Context:
        model_server.default = behaviour
        context: Context = submit(*args, **kwargs)
        run_drain(until_idle=True)
        context.refresh_from_db()
        return context

    return make
