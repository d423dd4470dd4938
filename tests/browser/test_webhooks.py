"""An operator makes a webhook, tests it, sees what came of it, and sends a delivery again."""

import re
from concurrent.futures import ThreadPoolExecutor

from django.contrib.admin.utils import quote
from django.db import connections
from playwright.sync_api import expect

from contexts.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from contexts.webhooks.turn import take_turn
from tests.browser.conftest import LogIn
from tests.contexts.webhooks.receiver import Receiver
from users.access import Role
from users.models import Organization


def deliver() -> None:
    """Deliver what is due, as the chores do; in a thread of its own."""

    def turn() -> None:
        try:
            take_turn(linger_seconds=0.0)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as worker:
        worker.submit(turn).result(timeout=30)


def test_an_operator_makes_tests_and_follows_a_webhook(log_in: LogIn, settings) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    organization = Organization.objects.create(id="org_test", name="Test organization")
    page = log_in(Role.OPERATOR, organization)
    with Receiver() as receiver:
        page.get_by_role("link", name="Webhooks").click()
        page.get_by_role("link", name="Add").first.click()
        page.get_by_label("Address").fill(receiver.url)
        page.get_by_label("context.completed").check()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("it cannot be shown again")).to_contain_text("whsec_")

        endpoint = WebhookEndpoint.objects.get()
        page.goto(f"/admin/contexts/webhookendpoint/{quote(endpoint.pk)}/change/")
        page.get_by_role("button", name="Send a test").click()
        expect(page.get_by_text("A test is sent")).to_be_visible()
        deliver()
        assert receiver.types == ["webhook.test"]

        page.get_by_role("link", name="What it was told").click()
        page.get_by_role("link", name="webhook.test").first.click()
        expect(page.locator(".dl-attempt", has_text="200")).to_be_visible()
        WebhookDelivery.objects.update(state=DeliveryState.FAILED)
        page.get_by_role("button", name="Send again").click()
        expect(page.get_by_text("It is sent again")).to_be_visible()
        deliver()
        assert len(receiver.requests) == 2
    # the page follows by itself
    expect(page.locator(".dl-head")).to_contain_text(re.compile("delivered", re.IGNORECASE))
