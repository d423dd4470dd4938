"""A real Chromium at a real server with a real database; nothing it shows may break or leave this machine."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from contexts.engine.run import run_drain
from contexts.models import Context
from contexts.services import context_submit
from contexts.submission import ContextSubmission, Submitter
from tests.browser.watch import Watch
from tests.fakes.openai_server import Behaviour, FakeOpenAi, answer
from users.access import Role
from users.models import Organization, User

HERE = Path(__file__).parent
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",  # Chromium refuses to run as root with it, as in a container
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 15_000
PASSWORD = "correct horse battery"
DATA = {"title": "Example Article", "keywords": ["one", "two"], "target_audience": "developers", "tone": "technical"}
Work = Callable[[], int]
Submit = Callable[..., Context]
LogIn = Callable[..., Page]
Failed = Callable[..., list[Context]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser of all tests here.

    Playwright's synchronous interface keeps a loop running in this thread for as long as it is open. Django would
    refuse the ORM there, though nothing here waits for that loop. It is closed before other tests start theirs.
    """
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.fail("These tests need Chromium; run: sudo apt-get install chromium", pytrace=False)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def window(chromium: Browser, live_server) -> Iterator[BrowserContext]:
    """A fresh browser profile; fails the test at its end where a page broke or called outside."""
    expect.set_options(timeout=PATIENCE_MS)
    context = chromium.new_context(base_url=live_server.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    watch = Watch(context)
    yield context
    context.close()
    watch.check()


@pytest.fixture
def log_in(window: BrowserContext, live_server, settings) -> LogIn:
    """Make a person of a role, whose session the browser then has; return their page, at the overview."""

    def enter(role: Role, organization: Organization | None = None) -> Page:
        session = Client()
        session.force_login(User.objects.create_user(role.value, PASSWORD, role=role, organization=organization))
        cookie = settings.SESSION_COOKIE_NAME
        window.add_cookies([{"name": cookie, "value": session.cookies[cookie].value, "url": live_server.url}])
        page = window.new_page()
        page.goto("/admin/")
        expect(page).to_have_title("Overview | Draftline")
        return page

    return enter


@pytest.fixture
def model_server(settings, live_server) -> Iterator[FakeOpenAi]:
    """What the components ask, with the sample templates, components and pipelines to ask it."""
    with FakeOpenAi() as server:
        settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, settings.OPENAI_MODEL = "key", server.base_url, "gpt-4"
        call_command("loadsamples", verbosity=0)
        yield server


@pytest.fixture
def work(model_server: FakeOpenAi) -> Work:
    """Work all that is due, as a worker does; in a thread, for it needs a loop of its own."""

    def drain() -> int:
        try:
            return run_drain(until_idle=True)
        finally:
            connections.close_all()

    def run() -> int:
        with ThreadPoolExecutor(1) as worker:
            return worker.submit(drain).result(timeout=30)

    return run


@pytest.fixture
def submit(model_server: FakeOpenAi) -> Submit:
    """Submit an article; nobody works it yet."""

    def make(title: str = "Example Article") -> Context:
        owner = Organization.objects.get(pk="org_default")
        return context_submit(
            ContextSubmission(type="article", data={**DATA, "title": title}), submitter=Submitter(owner.pk)
        )[0]

    return make


@pytest.fixture
def failed(submit: Submit, work: Work, model_server: FakeOpenAi) -> Failed:
    """Let articles of these titles fail as the model misbehaves; it behaves again afterwards."""

    def make(behaviour: Behaviour, *titles: str) -> list[Context]:
        model_server.default = behaviour
        made = [submit(title) for title in titles]
        work()
        model_server.default = answer()
        return made

    return make
