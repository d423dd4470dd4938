"""Editors try a draft before they publish it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from playwright.sync_api import Page, expect

from contexts.models import Context, Trial
from contexts.trials.run import take_turn
from templates_app.models import Template
from templates_app.selectors import draft_of, live_version
from templates_app.services import draft_save
from tests.browser.conftest import LogIn, Submit, Work
from tests.contexts.trials.conftest import LINGER_SECONDS, STRUCTURE
from tests.fakes import openai_server as model
from tests.fakes.openai_server import FakeOpenAi
from users.access import Role

TEMPLATE = "tmpl_article_technical"
Run = Callable[[], int]


@pytest.fixture
def run(model_server: FakeOpenAi) -> Run:
    """Run trials as a worker of the chores does."""

    def turn() -> int:
        try:
            return take_turn(linger_seconds=LINGER_SECONDS)
        finally:
            connections.close_all()

    def work() -> int:
        with ThreadPoolExecutor(1) as worker:
            return worker.submit(turn).result(timeout=30)

    return work


@pytest.fixture
def draft(model_server: FakeOpenAi) -> None:
    draft_save(Template.objects.get(pk=TEMPLATE), structure=STRUCTURE, note="Shorter")


def open_template(page: Page) -> None:
    page.get_by_role("link", name="Templates").first.click()
    page.get_by_role("link", name="Technical article").click()


def press(page: Page, name: str) -> None:
    """Press a button with the keyboard alone."""
    page.get_by_role("button", name=name, exact=True).focus()
    page.keyboard.press("Enter")


@pytest.mark.usefixtures("draft")
def test_an_editor_reads_the_prompt_for_sample_data_and_for_a_past_context(
    log_in: LogIn, submit: Submit, work: Work, model_server: FakeOpenAi
) -> None:
    context = submit("The Stapler")
    work()
    calls = model_server.calls
    page = log_in(Role.EDITOR)
    open_template(page)
    page.get_by_role("link", name="Preview").click()
    expect(page.get_by_label("Recent contexts")).to_be_hidden()
    page.get_by_label("Title").fill("The Lamp")
    page.get_by_label("Other data").fill("no name")
    press(page, "Show the prompt")
    expect(page.get_by_text("Line 1 has no name: write it as name: value.")).to_be_visible()
    page.get_by_label("Other data").fill("summary: It shines")
    press(page, "Show the prompt")
    expect(page.get_by_text("Write about The Lamp as the draft says")).to_be_visible()

    page.get_by_label("Sample data").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Title")).to_be_hidden()
    page.get_by_label("Recent contexts").select_option(context.pk)
    page.get_by_label("The live version (v1)").check()
    press(page, "Show the prompt")
    expect(page.locator("pre", has_text="The Stapler")).to_be_visible()
    expect(page.get_by_text("Cover the main points in detail")).to_be_visible()
    page.get_by_label("Or its id").fill("ctx_nowhere")
    press(page, "Show the prompt")
    expect(page.get_by_text("There is no context 'ctx_nowhere'.")).to_be_visible()
    assert model_server.calls == calls
    assert Context.objects.count() == 1


@pytest.mark.usefixtures("draft")
def test_an_editor_runs_draft_and_live_side_by_side_and_sees_them_without_loading_the_page_again(
    log_in: LogIn, run: Run, model_server: FakeOpenAi
) -> None:
    model_server.when("Write about", model.refusal("Not with these words."))
    page = log_in(Role.EDITOR)
    open_template(page)
    page.get_by_role("link", name="Test-run").click()
    press(page, "Run")
    expect(page.get_by_text("0 of 2 runs are done.").first).to_be_visible()
    page.evaluate("window.isStillTheSamePage = true")
    run()
    expect(page.get_by_text("Finished. 2 of 2 runs are done, 1 of them failed.").first).to_be_visible()
    assert page.evaluate("window.isStillTheSamePage")
    draft, live = (page.get_by_role("region", name=name) for name in ("Draft (v2)", "Live (v1)"))
    expect(draft).to_contain_text("Model refused. The model declined to write this text.")
    expect(draft).to_contain_text("Not with these words.")
    expect(live.get_by_role("article")).to_contain_text("Microservices architecture has revolutionized")
    expect(live).to_contain_text("price not known")
    expect(page.get_by_role("status")).to_have_text("Finished. 2 of 2 runs are done, 1 of them failed.")
    assert not Context.objects.exists()


@pytest.mark.usefixtures("draft")
def test_an_editor_replays_past_contexts_compares_and_publishes_with_a_note(
    log_in: LogIn, submit: Submit, work: Work, run: Run, model_server: FakeOpenAi
) -> None:
    for title in ("One", "Two", "Three"):
        submit(title)
    work()
    page = log_in(Role.EDITOR)
    open_template(page)
    page.get_by_role("link", name="Replay before publish").click()
    expect(page.get_by_role("row")).to_have_count(4)
    page.get_by_label("How many of the newest contexts").fill("3")
    press(page, "Replay")
    expect(page.get_by_text("0 of 3 runs are done.").first).to_be_visible()
    expect(page.get_by_role("button", name="Publish")).to_have_count(0)
    run()
    expect(page.get_by_text("Finished. 3 of 3 runs are done.").first).to_be_visible()
    page.get_by_role("link", name="Two").click()
    expect(page.get_by_text("2 of 3")).to_be_visible()
    expect(page.get_by_role("region", name="Then (v1)").get_by_role("article")).to_be_visible()
    expect(page.get_by_role("region", name="Draft (v2)").get_by_role("article")).to_be_visible()
    page.get_by_text("Show the difference").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Difference").locator("del").first).to_be_visible()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("3 of 3")).to_be_visible()
    page.get_by_role("link", name="Back to the results").click()

    page.get_by_label("Note on this version").fill("Three pairs looked at")
    press(page, "Publish")
    expect(page.get_by_text("The draft is published: it is live now.")).to_be_visible()
    expect(page.get_by_text("The draft was published after this trial.")).to_be_visible()
    live = live_version(TEMPLATE)
    assert live is not None
    assert (live.number, live.note) == (2, "Three pairs looked at")


@pytest.mark.usefixtures("draft")
def test_a_replay_stops_at_its_budget_and_another_is_cancelled_then_the_draft_discarded(
    log_in: LogIn, submit: Submit, work: Work, run: Run
) -> None:
    for title in ("One", "Two", "Three"):
        submit(title)
    work()
    page = log_in(Role.EDITOR)
    open_template(page)
    page.get_by_role("link", name="Replay before publish").click()
    page.get_by_label("At most so many tokens").fill("10")
    press(page, "Replay")
    expect(page.get_by_text("0 of 3 runs are done.").first).to_be_visible()
    run()
    stopped = "0 of 3 runs were begun; the next one would go beyond the budget of 10 tokens."
    expect(page.get_by_text(stopped)).to_be_visible()
    page.get_by_role("link", name="Try again").click()
    press(page, "Replay")
    press(page, "Cancel")
    expect(page.get_by_text("The trial is cancelled.")).to_be_visible()
    assert run() == 0
    page.once("dialog", lambda asked: asked.dismiss())
    press(page, "Discard the draft")
    assert draft_of(TEMPLATE) is not None
    page.once("dialog", lambda asked: asked.accept())
    press(page, "Discard the draft")
    expect(page.get_by_text("The draft is discarded; the live version stays.")).to_be_visible()
    assert draft_of(TEMPLATE) is None
    assert Trial.objects.count() == 2
