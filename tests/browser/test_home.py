"""The first page in a browser: numbers that move, charts as tables, and the way from an error to its contexts."""

from datetime import timedelta

from playwright.sync_api import expect

from base import clock
from contexts.models import Context
from contexts.outcomes.counting import outcomes_count
from tests.browser.conftest import Failed, LogIn, Submit
from tests.fakes.openai_server import failing
from users.access import Role

REFUSED = failing(401, "Incorrect API key provided.")


def test_an_operator_sees_how_it_goes_and_follows_an_error_to_its_contexts(
    log_in: LogIn, failed: Failed, submit: Submit
) -> None:
    failed(REFUSED, "The Stapler", "The Punch")
    Context.objects.update(ended_at=clock.now() - timedelta(minutes=2))
    outcomes_count()
    page = log_in(Role.OPERATOR)
    page.evaluate("window.isTheSame = true")
    chart = page.get_by_role("figure").filter(has_text="Ended")
    expect(chart.get_by_role("img")).to_be_visible()
    expect(chart.locator("table")).not_to_be_visible()
    chart.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(chart.locator("tbody tr").last).to_contain_text("2")

    submit("The Envelope")
    waiting = page.get_by_role("link", name="Waiting")
    expect(waiting).to_contain_text("1")
    expect(chart.locator("table")).to_be_visible()  # what was opened stays open
    assert page.evaluate("window.isTheSame")
    page.emulate_media(media="print")
    assert page.locator(".dl-chart-table:visible").count() == 4, "on paper each chart has its table"
    page.emulate_media(media="screen")

    error = page.get_by_role("link", name="Key refused")
    expect(error.locator("xpath=ancestor::p")).to_contain_text("2 ×")
    error.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/contexts/context/?status=failed&error=provider_auth&component=ai_generator*")
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
