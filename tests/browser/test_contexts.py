"""Operators watch contexts, and set failed ones going again."""

import re

from playwright.sync_api import Locator, Page, expect

from contexts.models import Context
from contexts.states import Status
from tests.browser.conftest import Failed, LogIn, Submit, Work
from tests.fakes.openai_server import failing
from users.access import Role

REFUSED = failing(401, "Incorrect API key provided.")


def row(page: Page, title: str) -> Locator:
    return page.locator("#result_list tr", has_text=title)


def choose_action(page: Page, *titles: str, action: str) -> None:
    for title in titles:
        row(page, title).get_by_role("checkbox").check()
    page.locator("select[name=action]").select_option(label=action)
    page.get_by_role("button", name="Run").click()


def test_an_operator_finds_out_why_a_context_failed_and_has_it_finished(
    log_in: LogIn, submit: Submit, work: Work, failed: Failed
) -> None:
    failed(REFUSED, "The Stapler", "The Punch")
    submit("The Stapler of tomorrow")
    page = log_in(Role.OPERATOR)
    page.get_by_role("link", name="Contexts").first.click()
    search = page.get_by_placeholder(re.compile("^An id, its beginning, words"))
    search.fill("stapler")
    search.press("Enter")
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
    page.locator("a", has_text="Filters").click()
    page.get_by_role("combobox").first.click()
    page.get_by_role("option", name="Failed").click()
    page.get_by_role("button", name="Apply Filters").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    expect(row(page, "The Stapler")).to_contain_text("Key refused")

    page.get_by_role("link", name="The Stapler").click()
    reason = page.get_by_role("alert").filter(has_text="Failed at ai_generator: Key refused")
    expect(reason).to_contain_text("refused our key (401)")
    expect(reason).to_contain_text("What to do:")
    page.get_by_role("link", name="Retry…").click()
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("The context is set going again")).to_be_visible()
    page.evaluate("window.isTheSame = true")
    opened = page.locator("#step-2 > summary")
    opened.focus()
    opened.press("Enter")
    page.get_by_placeholder("Why (optional)").fill("perhaps")
    opened.focus()
    work()
    # the open page follows by itself, and what was opened stays so
    article = page.get_by_role("article")
    expect(article.get_by_role("heading", name="The Stapler")).to_be_visible()
    expect(article.get_by_role("heading", name="Key Principles")).to_be_visible()
    expect(page.locator(".dl-head")).to_contain_text("completed")
    expect(page.locator(".dl-run")).to_have_count(4)
    expect(opened).to_be_focused()
    expect(page.locator("#run-2")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("completed")
    assert page.evaluate("window.isTheSame")
    # the picture of its time leads to what each step did
    page.get_by_role("link", name="ai_generator, attempt 2: completed").press("Enter")
    run = page.locator("#step-3")
    expect(run.get_by_role("heading", name="What it changed in the data")).to_be_visible()
    run.get_by_text("generated_content").last.click()
    expect(run.get_by_text("Generated content, introduction")).to_be_visible()


def test_an_operator_cancels_a_context_and_retries_two_others_by_selection(
    log_in: LogIn, submit: Submit, work: Work, failed: Failed
) -> None:
    failed(REFUSED, "The Stapler", "The Punch", "The Clip")
    submit("The Binder")
    page = log_in(Role.OPERATOR)
    page.goto("/admin/contexts/context/")
    page.get_by_role("link", name="The Binder").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("The context is cancelled.")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)

    page.goto("/admin/contexts/context/")
    choose_action(page, "The Stapler", "The Punch", action="Retry from the failed step")
    expect(page.get_by_text("2 contexts are set going again.")).to_be_visible()
    work()
    page.reload()
    for title, status in {
        "The Stapler": Status.COMPLETED,
        "The Punch": Status.COMPLETED,
        "The Clip": Status.FAILED,
        "The Binder": Status.CANCELLED,
    }.items():
        expect(row(page, title)).to_contain_text(status.value, ignore_case=True)
        assert Context.objects.get(title=title).status == status


def test_lists_are_filtered_and_the_account_is_reached_by_keyboard(
    log_in: LogIn, submit: Submit, failed: Failed
) -> None:
    failed(REFUSED, "The Stapler")
    submit("The Stapler of tomorrow")
    page = log_in(Role.OPERATOR)
    page.goto("/admin/contexts/context/")
    opener = page.get_by_role("button", name=re.compile("^Filters"))
    chosen = page.locator("#changelist-filter").get_by_role("combobox").first
    page.get_by_placeholder(re.compile("^An id")).focus()
    page.keyboard.press("Tab")
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    expect(chosen).to_be_focused()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    page.keyboard.press("Space")
    expect(chosen).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".select2-search__field")).to_be_focused()
    page.keyboard.type("Failed")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(chosen).to_contain_text("Failed")
    page.get_by_role("button", name="Apply Filters").press("Enter")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)

    page.wait_for_load_state()  # only then anything listens
    page.get_by_role("button", name="Account").press("Enter")
    expect(page.get_by_role("button", name="Light")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("html.dark")).to_be_attached()
    page.get_by_role("button", name="Log out").press("Enter")
    expect(page.get_by_role("button", name="Account")).not_to_be_attached()
