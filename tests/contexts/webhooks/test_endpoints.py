"""Wishes about endpoints that come at the same moment, and those about endpoints that are gone."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from base.encryption import decrypt
from base.problems import Busy, Conflict, NotFound
from contexts.webhooks.deliveries import delivery_redeliver
from contexts.webhooks.endpoints import (
    MOST_ENDPOINTS,
    EndpointWish,
    endpoint_delete,
    endpoint_switch_off,
    endpoint_switch_on,
    endpoint_test,
    endpoint_update,
)
from contexts.webhooks.models import WebhookDelivery, WebhookEndpoint
from contexts.webhooks.rotation import endpoint_rotate, endpoint_secrets
from tests.contexts.webhooks.conftest import make_endpoint
from tests.migrating import migrate, newest
from tests.stores.emptying import on_mongo

pytestmark = pytest.mark.django_db(transaction=True)
URL = "https://example.com/hooks"
AT_ONCE = 8


def all_at_once(wish: Callable[[], str]) -> list[str]:
    """What each of many that begin together came to: its answer, or the name of its problem."""
    barrier = Barrier(AT_ONCE)

    def one(number: int) -> str:
        barrier.wait(10)
        try:
            return wish()
        except (Busy, Conflict) as problem:
            return type(problem).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(one, range(AT_ONCE)))


def test_as_many_as_have_room_are_made_of_those_that_come_at_once(organization):
    for _ in range(MOST_ENDPOINTS - 2):
        make_endpoint(organization, URL)
    answers = all_at_once(lambda: make_endpoint(organization, URL).pk)
    assert answers.count("Conflict") == AT_ONCE - 2
    assert WebhookEndpoint.objects.count() == MOST_ENDPOINTS


def test_who_was_counted_before_another_came_is_refused(organization, monkeypatch):
    for _ in range(MOST_ENDPOINTS):
        make_endpoint(organization, URL)
    monkeypatch.setattr("contexts.webhooks.endpoints.check_room", lambda organization_id: None)
    with pytest.raises(Conflict):
        make_endpoint(organization, URL)
    assert WebhookEndpoint.objects.count() == MOST_ENDPOINTS


def test_webhooks_of_an_older_database_get_slots_the_oldest_first():
    try:
        before = migrate([("contexts", "0007_webhooks")])
        for number in range(2):
            before.get_model("users", "Organization").objects.create(id=f"org_{number}", name="Old")
        for number in range(5):
            owner = f"org_{number % 2}"
            before.get_model("contexts", "WebhookEndpoint").objects.create(id=f"whe_{number}", organization_id=owner)
    finally:
        migrate(newest())
    slots = WebhookEndpoint.objects.order_by("pk").values_list("organization_id", "slot")
    assert list(slots) == [("org_0", 0), ("org_1", 0), ("org_0", 1), ("org_1", 1), ("org_0", 2)]


def test_slot_of_a_removed_one_is_free_again_and_each_organization_has_its_own(organization, other_organization):
    made = [make_endpoint(organization, URL) for _ in range(MOST_ENDPOINTS)]
    endpoint_delete(made[3])
    assert make_endpoint(organization, URL).slot == 3
    assert make_endpoint(other_organization, URL).slot == 0


def test_each_rotation_that_is_answered_tells_a_secret_that_signs(endpoint):
    old = endpoint_secrets(endpoint)[0]
    answers = all_at_once(lambda: endpoint_rotate(WebhookEndpoint.objects.get(pk=endpoint.pk)))
    endpoint.refresh_from_db()
    told = [answer for answer in answers if answer != "Busy"]
    assert endpoint_secrets(endpoint)[0] in told
    assert endpoint_secrets(endpoint)[-1] == old


def test_of_two_rotations_of_the_same_secret_one_wins(endpoint):
    first, second = (WebhookEndpoint.objects.get(pk=endpoint.pk) for _ in range(2))
    secret = endpoint_rotate(first)
    with pytest.raises(Busy):
        endpoint_rotate(second)
    endpoint.refresh_from_db()
    assert decrypt(endpoint.secret) == secret


@pytest.mark.parametrize(
    "wish",
    [
        endpoint_switch_on,
        endpoint_switch_off,
        endpoint_rotate,
        lambda endpoint: endpoint_update(endpoint, EndpointWish(URL, ["batch.finished"])),
    ],
    ids=["switch on", "switch off", "rotate", "update"],
)
def test_endpoint_that_was_removed_meanwhile_is_not_found(endpoint, wish):
    endpoint_delete(WebhookEndpoint.objects.get(pk=endpoint.pk))
    with pytest.raises(NotFound):
        wish(endpoint)
    assert WebhookEndpoint.objects.count() == 0


def test_test_of_an_endpoint_that_was_removed_meanwhile_is_not_found_or_forgotten(endpoint):
    endpoint_delete(WebhookEndpoint.objects.get(pk=endpoint.pk))
    if on_mongo():
        assert endpoint_test(endpoint).pk
        return
    with pytest.raises(NotFound):
        endpoint_test(endpoint)
    assert WebhookDelivery.objects.count() == 0


def test_delivery_that_was_removed_while_it_was_asked_for_again_is_not_found(endpoint, monkeypatch):
    delivery = endpoint_test(endpoint)
    remove = lambda bell: endpoint_delete(WebhookEndpoint.objects.get(pk=endpoint.pk))  # noqa: E731
    monkeypatch.setattr("contexts.webhooks.bell.Bell.ring", remove)
    with pytest.raises(NotFound):
        delivery_redeliver(delivery)
