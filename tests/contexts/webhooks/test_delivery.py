"""Turns: what is due is sent once, tried again for a day, and given up; endpoints are switched off."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from base import clock
from base.encryption import encrypt
from base.ids import new_id
from contexts.webhooks import turn
from contexts.webhooks.deliveries import HELD, delivery_claim, delivery_note, delivery_redeliver, webhooks_repair
from contexts.webhooks.endpoints import (
    MOST_ENDPOINTS,
    endpoint_delete,
    endpoint_switch_off,
    endpoint_switch_on,
    endpoint_test,
)
from contexts.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from contexts.webhooks.rotation import endpoint_rotate, endpoint_secrets
from contexts.webhooks.schedule import BACKOFF_SECONDS, JITTER
from contexts.webhooks.sending import Outcome
from contexts.webhooks.turn import take_turn
from tests.contexts.webhooks.conftest import make_endpoint
from tests.contexts.webhooks.receiver import Receiver, stay_silent
from users.models import Organization

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _turns_are_short(monkeypatch) -> None:
    """Do not stay for a retry that is due in five seconds."""
    monkeypatch.setattr(turn, "TURN_SECONDS", 3.0)


def make_delivery(endpoint: WebhookEndpoint, **fields) -> WebhookDelivery:
    values = {
        "endpoint": endpoint,
        "organization_id": endpoint.organization_id,
        "event": "context.completed",
        "resource_id": new_id("ctx"),
        "payload": {"type": "context.completed", "timestamp": "2023-05-15T10:30:00Z", "data": {}},
        "next_attempt_at": clock.now(),
    }
    return WebhookDelivery.objects.create(**(values | fields))


def deliver() -> int:
    return take_turn(linger_seconds=0.0)


def turn_in_a_thread(**options) -> int:
    try:
        return take_turn(**options)
    finally:
        connection.close()


def set_clock(moment) -> None:
    now = time.monotonic()
    clock.follow(moment, asked_at=now, answered_at=now)


def test_due_delivery_is_sent_signed_and_done(endpoint, receiver):
    delivery = make_delivery(endpoint)
    assert deliver() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.next_attempt_at) == (DeliveryState.DELIVERED, None)
    [headers, body] = receiver.requests[0]
    assert Webhook(endpoint_secrets(endpoint)[0]).verify(body, headers) == delivery.payload
    assert headers["webhook-id"] == delivery.pk
    [attempt] = delivery.attempts
    assert (attempt["status"], attempt["error"], attempt["answer"]) == (200, "", "ok")
    assert deliver() == 0


def test_failed_delivery_is_tried_for_a_day_under_one_id_then_given_up(endpoint, receiver):
    receiver.status = 500
    delivery = make_delivery(endpoint)
    started, waits = clock.now(), []
    set_clock(started)
    for _ in range(len(BACKOFF_SECONDS) + 1):
        assert deliver() == 1
        delivery.refresh_from_db()
        if delivery.state == DeliveryState.PENDING:
            assert delivery.next_attempt_at is not None
            waits.append((delivery.next_attempt_at - clock.now()).total_seconds())
            set_clock(delivery.next_attempt_at)
    assert delivery.state == DeliveryState.FAILED
    assert len(delivery.attempts) == 9
    assert set(receiver.ids) == {delivery.pk}
    for wait, wanted in zip(waits, BACKOFF_SECONDS, strict=True):
        assert wanted * (1 - JITTER) - 2 <= wait <= wanted * (1 + JITTER)
    assert timedelta(hours=20) < clock.now() - started < timedelta(hours=28)


def test_delivery_succeeds_as_soon_as_the_receiver_is_back(endpoint, receiver):
    receiver.status = 503
    delivery = make_delivery(endpoint)
    deliver()
    endpoint.refresh_from_db()
    assert endpoint.failing_since is not None
    receiver.status = 200
    delivery.refresh_from_db()
    set_clock(delivery.next_attempt_at)
    deliver()
    delivery.refresh_from_db()
    endpoint.refresh_from_db()
    assert (delivery.state, endpoint.failing_since) == (DeliveryState.DELIVERED, None)


def test_first_retry_comes_within_the_same_turn(endpoint, receiver, monkeypatch):
    monkeypatch.setattr(turn, "TURN_SECONDS", 20.0)
    monkeypatch.setattr("contexts.webhooks.schedule.BACKOFF_SECONDS", (0.5, 3600))
    statuses = iter([500, 200])
    receiver.behave = lambda handler: (handler.send_response(next(statuses)), handler.end_headers())
    make_delivery(endpoint)
    assert deliver() == 2


def test_endpoint_that_failed_for_three_days_is_switched_off_and_keeps_what_waits(endpoint, receiver, caplog):
    receiver.status = 500
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=clock.now() - timedelta(days=3, minutes=1))
    delivery, another = make_delivery(endpoint), make_delivery(endpoint, next_attempt_at=clock.now() + HELD)
    deliver()
    endpoint.refresh_from_db()
    assert not endpoint.is_active
    assert "3 days" in endpoint.disabled_reason
    assert "500" in endpoint.disabled_reason
    assert f"webhook_switched_off webhook={endpoint.pk}" in caplog.text
    for row in (delivery, another):
        row.refresh_from_db()
        assert (row.state, row.next_attempt_at) == (DeliveryState.PENDING, None)
    assert deliver() == 0
    receiver.status = 200
    endpoint_switch_on(endpoint)
    assert deliver() == 2
    assert sorted(receiver.ids[1:]) == sorted([delivery.pk, another.pk])


def test_endpoint_that_has_failed_for_less_stays_on(endpoint, receiver):
    receiver.status = 500
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=clock.now() - timedelta(days=2, hours=23))
    make_delivery(endpoint)
    deliver()
    endpoint.refresh_from_db()
    assert endpoint.is_active


def test_success_of_an_attempt_that_was_under_way_while_its_endpoint_was_switched_off_counts(endpoint, receiver):
    delivery = make_delivery(endpoint)

    def switch_off_first(handler):
        endpoint_switch_off(endpoint)
        connection.close()
        handler.send_response(200)
        handler.end_headers()

    receiver.behave = switch_off_first
    deliver()
    delivery.refresh_from_db()
    assert (delivery.state, len(delivery.attempts)) == (DeliveryState.DELIVERED, 1)


def test_attempt_that_took_too_long_and_was_made_anew_is_written_down_once(endpoint):
    delivery = make_delivery(endpoint)
    slow, quick = (WebhookDelivery.objects.select_related("endpoint").get(pk=delivery.pk) for _ in range(2))
    delivery_note(quick, Outcome(200, 5))
    delivery_note(slow, Outcome(None, 60_000, "There was no answer."))
    delivery.refresh_from_db()
    assert (delivery.state, [entry["status"] for entry in delivery.attempts]) == (DeliveryState.DELIVERED, [200])


def test_endpoint_that_says_it_is_gone_is_switched_off_at_once(endpoint, receiver):
    receiver.status = 410
    make_delivery(endpoint)
    deliver()
    endpoint.refresh_from_db()
    assert not endpoint.is_active
    assert "410" in endpoint.disabled_reason


@pytest.mark.parametrize("status", [410, 500, 200])
def test_endpoint_that_was_removed_while_its_answer_came_is_no_trouble(endpoint, receiver, status):
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=clock.now() - timedelta(days=4))
    make_delivery(endpoint)

    def remove_first(handler):
        endpoint_delete(WebhookEndpoint.objects.get(pk=endpoint.pk))
        connection.close()
        handler.send_response(status)
        handler.end_headers()

    receiver.behave = remove_first
    assert deliver() == 1
    assert WebhookDelivery.objects.count() == 0


def test_delivery_that_was_made_while_its_endpoint_was_switched_off_waits(endpoint, receiver):
    endpoint_switch_off(endpoint)
    delivery = make_delivery(endpoint)
    assert deliver() == 0
    delivery.refresh_from_db()
    assert (delivery.state, delivery.next_attempt_at) == (DeliveryState.PENDING, None)
    assert receiver.requests == []


def test_deliveries_of_an_endpoint_that_is_gone_hold_up_nobody(endpoint, organization, receiver):
    gone = make_endpoint(organization, receiver.url)
    with connection.constraint_checks_disabled():  # MongoDB has none
        for _ in range(turn.THREADS + 1):
            make_delivery(gone, next_attempt_at=clock.now() - timedelta(minutes=1))
        WebhookEndpoint.objects.filter(pk=gone.pk)._raw_delete(using="default")
    delivery = make_delivery(endpoint)
    assert deliver() == 1
    assert list(WebhookDelivery.objects.values_list("pk", flat=True)) == [delivery.pk]


def test_sweep_mends_what_a_crash_while_switching_on_left(endpoint):
    delivery = make_delivery(endpoint, next_attempt_at=None)
    assert webhooks_repair() == 1
    delivery.refresh_from_db()
    assert delivery.next_attempt_at is not None
    assert turn.work_is_waiting()


def test_claim_is_given_once_and_is_over_after_a_while(endpoint, receiver):
    delivery = make_delivery(endpoint)
    twin = WebhookDelivery.objects.get(pk=delivery.pk)
    now = clock.now()
    assert delivery_claim(delivery, now)
    assert not delivery_claim(twin, now)
    assert deliver() == 0, "whoever claimed it was killed, and its hold is not over"
    set_clock(now + HELD)
    assert deliver() == 1


@pytest.mark.parametrize("same_lock", [True, False], ids=["one machine", "two machines"])
def test_turns_at_the_same_time_send_each_delivery_once(endpoint, receiver, monkeypatch, same_lock):
    monkeypatch.setattr(turn, "TURN_SECONDS", 30.0)  # they end when nothing is left, however slow the machine is
    if not same_lock:  # the lock is no safety: without it the claims alone keep them apart
        from contextlib import nullcontext

        monkeypatch.setattr(turn, "one_at_a_time", lambda *args: nullcontext())
    made = [make_delivery(endpoint).pk for _ in range(30)]

    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(turn_in_a_thread, linger_seconds=0.3) for _ in range(3)]:
            future.result()
    assert sorted(receiver.ids) == sorted(made)


def test_slow_endpoint_holds_up_itself_alone(organization, receiver):
    with Receiver() as slow:
        slow.behave = stay_silent(slow)
        stuck = make_endpoint(organization, slow.url)
        for _ in range(200):
            make_delivery(stuck, next_attempt_at=clock.now() - timedelta(minutes=1))
        quick = [make_delivery(make_endpoint(organization, receiver.url)).pk for _ in range(5)]
        stop = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(turn_in_a_thread, should_stop=stop.is_set)
            deadline = time.monotonic() + 8
            while len(receiver.requests) < 5 and time.monotonic() < deadline:
                time.sleep(0.02)
            stop.set()
            slow.is_over.set()
            future.result()
        assert sorted(receiver.ids) == sorted(quick)
        assert len(slow.requests) == turn.PER_ENDPOINT


@pytest.mark.parametrize("failing", [False, True], ids=["of one organization", "that fail, of many"])
def test_many_slow_endpoints_hold_up_no_others(organization, other_organization, receiver, failing):
    with Receiver() as slow:
        slow.behave = stay_silent(slow)
        owners = [organization] * MOST_ENDPOINTS
        if failing:
            owners = [Organization.objects.create(id=f"org_{number}") for number in range(turn.THREADS)]
        for owner in owners:
            stuck = make_endpoint(owner, slow.url)
            for _ in range(2):
                make_delivery(stuck, next_attempt_at=clock.now() - timedelta(minutes=1))
        WebhookEndpoint.objects.update(failing_since=clock.now() if failing else None)
        quick = make_delivery(make_endpoint(other_organization, receiver.url)).pk
        stop = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(turn_in_a_thread, should_stop=stop.is_set)
            deadline = time.monotonic() + 8
            while not receiver.requests and time.monotonic() < deadline:
                time.sleep(0.02)
            stop.set()
            slow.is_over.set()
            future.result()
        assert receiver.ids == [quick]
        assert len(slow.requests) == 16


def test_delivery_that_was_given_up_is_sent_again_on_demand_with_all_its_retries(endpoint, receiver):
    delivery = make_delivery(
        endpoint, state=DeliveryState.FAILED, tries=9, next_attempt_at=None, attempts=[{"at": "x"}] * 9
    )
    delivery_redeliver(delivery)
    assert (delivery.state, delivery.tries) == (DeliveryState.PENDING, 0)
    assert deliver() == 1
    delivery.refresh_from_db()
    assert (delivery.state, len(delivery.attempts)) == (DeliveryState.DELIVERED, 10)
    assert receiver.ids == [delivery.pk]


def test_log_of_attempts_does_not_grow_for_ever(endpoint, receiver):
    delivery = make_delivery(endpoint, attempts=[{"at": "x"}] * 50)
    deliver()
    delivery.refresh_from_db()
    assert len(delivery.attempts) == 50
    assert delivery.attempts[-1]["status"] == 200


def test_test_is_sent_once_and_does_not_count_against_its_endpoint(endpoint, receiver):
    receiver.status = 500
    delivery = endpoint_test(endpoint)
    deliver()
    delivery.refresh_from_db()
    endpoint.refresh_from_db()
    assert (delivery.state, endpoint.failing_since) == (DeliveryState.FAILED, None)
    assert receiver.types == ["webhook.test"]


def test_both_secrets_sign_for_a_day_after_a_rotation_then_the_new_one_alone(endpoint, receiver):
    old = endpoint_secrets(endpoint)[0]
    new = endpoint_rotate(endpoint)
    make_delivery(endpoint)
    deliver()
    for secret in (old, new):
        Webhook(secret).verify(receiver.requests[0][1], receiver.requests[0][0])
    set_clock(timezone.now() + timedelta(hours=24, seconds=1))
    assert endpoint_secrets(endpoint) == [new]


def test_rotation_that_is_repeated_keeps_the_secret_that_the_client_has(endpoint):
    old = endpoint_secrets(endpoint)[0]
    endpoint_rotate(endpoint)
    until = endpoint.previous_secret_until
    set_clock(clock.now() + timedelta(hours=1))
    new = endpoint_rotate(endpoint)
    endpoint.refresh_from_db()
    assert (endpoint_secrets(endpoint), endpoint.previous_secret_until) == ([new, old], until)
    set_clock(until)
    newest = endpoint_rotate(endpoint)
    assert endpoint_secrets(endpoint) == [newest, new]


def test_rotation_helps_at_once_where_a_secret_cannot_be_read(endpoint, settings):
    settings.SECRET_KEY = "another key"
    new = endpoint_rotate(endpoint)
    assert endpoint_secrets(endpoint) == [new]


def test_secret_that_cannot_be_read_fails_the_attempt_with_a_reason(endpoint, receiver, settings):
    delivery = make_delivery(endpoint)
    settings.SECRET_KEY = "another key"
    deliver()
    delivery.refresh_from_db()
    assert "SECRET_KEY" in delivery.attempts[0]["error"]
    assert receiver.requests == []


def test_former_key_can_be_forgotten_after_a_sweep(endpoint, settings):
    secrets = endpoint_secrets(endpoint)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key", [settings.SECRET_KEY]
    webhooks_repair()
    settings.SECRET_KEY_FALLBACKS = []
    endpoint.refresh_from_db()
    assert endpoint_secrets(endpoint) == secrets


def test_secret_that_cannot_be_read_keeps_the_sweep_from_no_other(endpoint, organization, settings, caplog):
    known, lost = endpoint, make_endpoint(organization, endpoint.url)
    secrets, own_key = endpoint_secrets(known), settings.SECRET_KEY
    settings.SECRET_KEY = "a key that is lost"
    WebhookEndpoint.objects.filter(pk=lost.pk).update(secret=encrypt("whsec_lost"))
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key", [own_key]
    webhooks_repair()
    assert f"webhook_secret_unreadable webhook={lost.pk}" in caplog.text
    settings.SECRET_KEY_FALLBACKS = []
    known.refresh_from_db()
    assert endpoint_secrets(known) == secrets


def test_turn_that_is_over_leaves_the_rest_to_the_next_and_rings_for_it(endpoint, receiver, monkeypatch):
    rings = []
    monkeypatch.setattr("contexts.webhooks.bell.Bell.ring", lambda self: rings.append(1))
    monkeypatch.setattr(turn, "TURN_SECONDS", 0.4)

    def think_first(handler):
        time.sleep(0.1)
        handler.send_response(200)
        handler.end_headers()

    receiver.behave = think_first
    for _ in range(100):
        make_delivery(endpoint)
    began = time.monotonic()
    assert 0 < deliver() < 100
    assert time.monotonic() - began < 3
    assert rings


def test_old_deliveries_are_removed(endpoint):
    young, old = make_delivery(endpoint), make_delivery(endpoint)
    WebhookDelivery.objects.filter(pk=old.pk).delete()
    old_id = "whd_01GZZZZZZZZZZZZZZZZZZZZZZZ"
    make_delivery(endpoint, id=old_id)
    webhooks_repair()
    assert list(WebhookDelivery.objects.values_list("pk", flat=True)) == [young.pk]


def test_secrets_stand_in_no_log_and_in_no_row(endpoint, receiver, caplog):
    receiver.status = 500
    secret = endpoint_secrets(endpoint)[0]
    make_delivery(endpoint)
    with caplog.at_level("DEBUG"):
        deliver()
    assert secret not in caplog.text
    assert secret not in str(WebhookEndpoint.objects.values().get())
    assert secret not in str(WebhookDelivery.objects.values().get())
