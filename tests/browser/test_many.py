"""Operators move many contexts at once, over a whole filter, and watch them go; batches move before their eyes."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from playwright.sync_api import Page, expect

from contexts.batches import batch_release, batch_submit
from contexts.bulk.models import BulkOperation, BulkState
from contexts.bulk.turn import take_turn
from contexts.models import Batch, Context
from contexts.states import Status
from contexts.submission import Submitter
from tests.browser.conftest import DATA, Failed, LogIn, Submit, Work
from tests.fakes.openai_server import FakeOpenAi, failing
from users.access import Role
from users.models import Organization

REFUSED = failing(401, "Incorrect API key provided.")
TITLES = [f"The Stapler, part {number}" for number in range(1, 26)]
Chores = Callable[[], None]


@pytest.fixture
def chores() -> Chores:
    """Do the chores once, as the cluster of that name does."""

    def turn() -> None:
        try:
            take_turn(seconds=0.5)
        finally:
            connections.close_all()

    def run() -> None:
        with ThreadPoolExecutor(1) as worker:
            worker.submit(turn).result(timeout=30)

    return run


def ask_for_all(page: Page, link: str) -> None:
    """Search, and ask for all that are found, by keyboard."""
    page.goto("/admin/contexts/context/")
    search = page.get_by_placeholder(re.compile("^An id, its beginning"))
    search.fill("stapler")
    search.press("Enter")
    expect(page.locator("#result_list tbody tr").first).to_contain_text("Stapler")
    page.get_by_role("link", name=link).focus()
    page.keyboard.press("Enter")


def test_all_that_a_search_finds_are_retried_after_a_trial(
    log_in: LogIn, failed: Failed, work: Work, chores: Chores
) -> None:
    failed(REFUSED, *TITLES, "The Punch")
    page = log_in(Role.OPERATOR)
    ask_for_all(page, "Retry all…")
    expect(page.get_by_role("heading", name="25 contexts can be retried")).to_be_visible()
    expect(page.get_by_text("found by “stapler”")).to_be_visible()
    page.locator("[name=trial]").fill("2")
    page.get_by_label("Why").fill("the key is mended")
    page.get_by_role("button", name="Retry 25 contexts").focus()
    page.keyboard.press("Enter")

    head = page.locator(".dl-head")
    expect(head).to_contain_text("0 of 25 contexts")
    page.evaluate("window.isTheSame = true")
    chores()
    expect(head).to_contain_text("2 of 25 contexts")
    expect(head).to_contain_text("Watching the first")
    work()
    chores()
    expect(page.get_by_text("It goes on when you say so.")).to_be_visible()
    expect(page.locator(".dl-facts").first).to_contain_text("completed")
    assert page.evaluate("window.isTheSame")  # all that without loading the page again
    page.get_by_role("button", name="Go on with the rest").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("It goes on with the rest.")).to_be_visible()
    chores()
    expect(head).to_contain_text("25 of 25 contexts")
    expect(head).to_contain_text("Done")
    work()
    assert Context.objects.filter(title__startswith="The Stapler", status=Status.COMPLETED).count() == 25
    assert Context.objects.get(title="The Punch").status == Status.FAILED

    first = Context.objects.get(title=TITLES[0])
    page.goto(f"/admin/contexts/context/{first.pk}/change/")
    expect(page.locator("#deeds")).to_contain_text("operator retried from the failed step")
    expect(page.locator("#deeds")).to_contain_text("the key is mended")
    page.locator("#deeds").get_by_role("link", name="with many others").click()
    expect(page.locator(".dl-head")).to_contain_text("25 of 25 contexts")


def test_a_trial_that_fails_again_stops_the_rest(
    log_in: LogIn, failed: Failed, work: Work, chores: Chores, model_server: FakeOpenAi
) -> None:
    failed(REFUSED, *TITLES)
    page = log_in(Role.OPERATOR)
    ask_for_all(page, "Retry all…")
    page.get_by_role("button", name="Retry 25 contexts").click()
    chores()
    model_server.default = REFUSED
    work()
    chores()
    expect(page.locator(".dl-head")).to_contain_text("10 of the 10 that were tried first failed again")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    assert BulkOperation.objects.get().state == BulkState.STOPPED
    assert sum(context.attempts > 1 for context in Context.objects.all()) == 10


def test_all_that_are_open_are_cancelled_and_a_person_may_stop_it(
    log_in: LogIn, submit: Submit, chores: Chores
) -> None:
    for title in TITLES[:3]:
        submit(title)
    page = log_in(Role.OPERATOR)
    ask_for_all(page, "Cancel all…")
    page.get_by_role("button", name="Cancel 3 contexts").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".dl-head")).to_contain_text("operator stopped it")
    chores()
    assert Context.objects.filter(status=Status.PENDING).count() == 3
    ask_for_all(page, "Cancel all…")
    page.get_by_role("button", name="Cancel 3 contexts").click()
    expect(page.locator(".dl-head")).to_contain_text("0 of 3 contexts")
    chores()
    expect(page.locator(".dl-head")).to_contain_text("3 of 3 contexts")
    assert Context.objects.filter(status=Status.CANCELLED).count() == 3


def test_a_batch_moves_without_a_reload_and_its_failed_ones_are_retried(
    log_in: LogIn, work: Work, model_server: FakeOpenAi
) -> None:
    owner = Organization.objects.get(pk="org_default")
    items = [{"type": "article", "data": {**DATA, "title": title}} for title in TITLES[:3]]
    batch: Batch = batch_submit(items, submitter=Submitter(owner.pk), name="Autumn")[0]
    page = log_in(Role.OPERATOR)
    page.goto("/admin/contexts/batch/")
    row = page.get_by_role("row").filter(has_text="Autumn")
    expect(row).to_contain_text("0 of 3")
    page.evaluate("window.isTheSame = true")
    _, *others = batch.contexts.order_by("pk")
    Context.objects.filter(pk__in=[other.pk for other in others]).update(status=Status.HELD)
    model_server.default = REFUSED
    work()
    expect(row).to_contain_text("1 of 3")
    expect(row.get_by_role("link", name="1", exact=True)).to_be_visible()
    assert page.evaluate("window.isTheSame")
    batch_release(batch.pk)
    page.get_by_role("link", name="Autumn").click()
    head = page.locator(".dl-head")
    expect(head).to_contain_text("1 of 3 contexts")
    page.evaluate("window.isTheSame = true")
    work()
    expect(head).to_contain_text("3 of 3 contexts")
    expect(head.get_by_role("progressbar")).to_have_attribute("value", "1.0000")
    expect(page.get_by_text("ai_generator: Key refused")).to_have_count(3)
    expect(page.get_by_text("3 × Key refused at ai_generator")).to_be_visible()
    assert page.evaluate("window.isTheSame")
    page.get_by_role("button", name="Retry failed").click()
    expect(page.get_by_text("The failed contexts of this batch are set going again.")).to_be_visible()
    assert Context.objects.filter(batch=batch, status=Status.RETRYING).count() == 3
