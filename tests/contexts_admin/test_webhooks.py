"""Webhooks and their deliveries in the admin, for people of every role."""

import re

import pytest
from django.contrib.admin.utils import quote
from standardwebhooks.webhooks import Webhook

from base.encryption import decrypt
from contexts.models import WebhookDelivery, WebhookEndpoint
from contexts.webhooks.endpoints import (
    MOST_ENDPOINTS,
    EndpointWish,
    endpoint_create,
    endpoint_delete,
    endpoint_give_up,
    endpoint_update,
)
from contexts.webhooks.listeners import listeners
from contexts.webhooks.models import DeliveryState
from users.access import Role

pytestmark = pytest.mark.django_db
WEBHOOKS, DELIVERIES = "/admin/contexts/webhookendpoint/", "/admin/contexts/webhookdelivery/"
WISH = {"url": "https://example.com/hooks", "events": ["context.completed"], "description": "Shop"}


@pytest.fixture(autouse=True)
def _nobody_listens_afterwards():
    yield
    listeners.__init__()  # type: ignore[misc]


@pytest.fixture
def endpoint(organization) -> WebhookEndpoint:
    return endpoint_create(EndpointWish(**WISH), organization_id=organization.pk)[0]  # type: ignore[arg-type]


@pytest.fixture
def delivery(endpoint) -> WebhookDelivery:
    attempts = [
        {"at": "2023-05-15T10:30:00Z", "status": None, "duration_ms": 10000, "error": "No answer.", "answer": ""},
        {
            "at": "2023-05-15T10:30:05Z",
            "status": 500,
            "duration_ms": 20,
            "error": "It said 500.",
            "answer": "<b>oh",
        },
    ]
    return WebhookDelivery.objects.create(
        endpoint=endpoint,
        organization_id=endpoint.organization_id,
        event="context.completed",
        resource_id="ctx_01JD8M7Z4Q",
        payload={"type": "context.completed", "data": {"metadata": "<script>"}},
        state=DeliveryState.FAILED,
        tries=2,
        attempts=attempts,
    )


def page_of(endpoint: WebhookEndpoint) -> str:
    return f"{WEBHOOKS}{quote(endpoint.pk)}/change/"


def press(browser, endpoint: WebhookEndpoint, button: str, **values):
    said = {**WISH, **values}
    name = button if button.startswith("_") else f"contexts_webhookendpoint_{button}"
    return browser.post(page_of(endpoint), {**said, name: "1"}, follow=True)


def test_new_webhooks_secret_is_shown_once(admin_browser, organization):
    answer = admin_browser.post(f"{WEBHOOKS}add/", {**WISH, "organization": organization.pk}, follow=True)
    found = re.search(r"whsec_[\w+/=]+", answer.content.decode())
    assert found, answer.content.decode()[:3000]
    Webhook(found[0])
    endpoint = WebhookEndpoint.objects.get()
    assert decrypt(endpoint.secret) == found[0]
    for page in (WEBHOOKS, page_of(endpoint)):
        assert "whsec_" not in admin_browser.get(page).content.decode()


def test_operator_of_an_organization_makes_its_own(person, organization):
    browser = person(Role.OPERATOR, organization)
    assert browser.post(f"{WEBHOOKS}add/", WISH).status_code == 302
    assert WebhookEndpoint.objects.get().organization_id == organization.pk


@pytest.mark.parametrize("change", [{"url": "https://10.0.0.1/"}, {"url": "ftp://x"}, {"events": []}])
def test_what_is_wrong_is_said_at_its_field(admin_browser, organization, change):
    answer = admin_browser.post(f"{WEBHOOKS}add/", {**WISH, "organization": organization.pk, **change})
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [*change]
    assert WebhookEndpoint.objects.count() == 0


def test_one_more_than_the_most_is_refused_with_the_reason(person, organization, endpoint):
    for _ in range(MOST_ENDPOINTS - 1):
        endpoint_create(EndpointWish(**WISH), organization_id=organization.pk)  # type: ignore[arg-type]
    answer = person(Role.OPERATOR, organization).post(f"{WEBHOOKS}add/", WISH)
    assert "which is the most" in answer.content.decode()


def test_buttons_test_switch_and_rotate(operator, endpoint):
    old = decrypt(endpoint.secret)
    page = press(operator, endpoint, "send_test").content.decode()
    assert "A test is sent" in page
    assert WebhookDelivery.objects.get().event == "webhook.test"
    press(operator, endpoint, "switch_off")
    endpoint.refresh_from_db()
    assert not endpoint.is_active
    assert "switch_on" in operator.get(page_of(endpoint)).content.decode()
    press(operator, endpoint, "switch_on")
    page = press(operator, endpoint, "rotate_secret").content.decode()
    endpoint.refresh_from_db()
    assert endpoint.is_active
    assert decrypt(endpoint.previous_secret) == old
    assert decrypt(endpoint.secret) in page


def test_what_came_between_the_form_and_its_saving_is_said(operator, endpoint, monkeypatch):
    def removed_meanwhile(row, wish):
        endpoint_delete(WebhookEndpoint.objects.get(pk=row.pk))
        endpoint_update(row, wish)

    monkeypatch.setattr("contexts.admin.webhooks.endpoint_update", removed_meanwhile)
    page = press(operator, endpoint, "_save", description="Another").content.decode()
    assert "There is no webhook" in page


def test_change_keeps_the_secret(operator, endpoint):
    before = decrypt(endpoint.secret)
    press(operator, endpoint, "_save", events=["context.failed", "batch.finished"])
    endpoint.refresh_from_db()
    assert endpoint.events == ["context.failed", "batch.finished"]
    assert decrypt(endpoint.secret) == before


def test_removed_webhook_takes_its_deliveries_along(operator, endpoint, delivery):
    address = page_of(endpoint).replace("change", "delete")
    assert "Are you sure" in operator.get(address).content.decode()
    operator.post(address, {"post": "yes"})
    assert WebhookEndpoint.objects.count() == WebhookDelivery.objects.count() == 0


def test_notice_of_a_webhook_that_was_switched_off_is_shown(admin_browser, endpoint):
    endpoint_give_up(endpoint.pk, "It has failed for 3 days without a success.")
    assert "switched off" in admin_browser.get(WEBHOOKS).content.decode()
    assert "It has failed for 3 days" in admin_browser.get(page_of(endpoint)).content.decode()


def test_delivery_shows_each_attempt_and_what_was_sent_and_nothing_of_it_runs(admin_browser, delivery):
    page = admin_browser.get(f"{DELIVERIES}{quote(delivery.pk)}/change/").content.decode()
    for words in ("no answer", "It said 500.", "10.0 s", "20 ms", "&lt;b&gt;oh", "&lt;script&gt;"):
        assert words in page
    assert "<script>&quot;" not in page
    assert "It said 500." in admin_browser.get(DELIVERIES).content.decode()


@pytest.mark.parametrize("query", ["?state__exact=failed", "?event=context.completed", "?q=ctx_01JD8M7Z4Q"])
def test_deliveries_are_found(admin_browser, delivery, query):
    assert list(admin_browser.get(f"{DELIVERIES}{query}").context["cl"].result_list) == [delivery]


def test_delivery_is_sent_again_from_its_page_and_from_the_list(operator, delivery):
    answer = operator.post(f"{DELIVERIES}{quote(delivery.pk)}/redeliver/", follow=True)
    assert "It is sent again" in answer.content.decode()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries) == (DeliveryState.PENDING, 0)
    WebhookDelivery.objects.update(state=DeliveryState.FAILED)
    ticked = {"action": "redeliver_selected", "_selected_action": [delivery.pk]}
    assert "1 delivery is sent again" in operator.post(DELIVERIES, ticked, follow=True).content.decode()
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.PENDING


@pytest.mark.parametrize("role", [Role.EDITOR, Role.AUDITOR])
def test_those_who_only_look_change_and_send_nothing(role, person, endpoint, delivery):
    browser = person(role)
    page = browser.get(page_of(endpoint)).content.decode()
    assert "rotate_secret" not in page
    assert browser.post(f"{WEBHOOKS}add/", WISH).status_code == 403
    assert press(browser, endpoint, "rotate_secret").status_code == 403
    assert browser.post(page_of(endpoint).replace("change", "delete"), {"post": "yes"}).status_code == 403
    assert "redeliver" not in browser.get(f"{DELIVERIES}{quote(delivery.pk)}/change/").content.decode()
    assert browser.post(f"{DELIVERIES}{quote(delivery.pk)}/redeliver/").status_code == 403


def test_another_organizations_are_not_there(person, other, endpoint, delivery):
    browser = person(Role.OPERATOR, other)
    for page in (WEBHOOKS, DELIVERIES):
        assert "Shop" not in browser.get(page).content.decode()
    press(browser, endpoint, "rotate_secret")
    assert WebhookEndpoint.objects.get().previous_secret == ""
    assert browser.post(f"{DELIVERIES}{quote(delivery.pk)}/redeliver/").status_code == 404
    assert browser.get(f"{DELIVERIES}{quote(delivery.pk)}/change/").status_code == 404
