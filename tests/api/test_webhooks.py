"""Webhooks over HTTP: made, changed, tested, read; the secret is told once."""

from typing import get_args

import pytest
from standardwebhooks.webhooks import Webhook

from contexts.api.webhook_documents import EventType, State, Subscribable
from contexts.webhooks.endpoints import MOST_ENDPOINTS
from contexts.webhooks.events import SUBSCRIBABLE, Event
from contexts.webhooks.listeners import listeners
from contexts.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from contexts.webhooks.turn import take_turn
from tests.api.calls import client_of, paths_of, post, problem_of
from tests.contexts.webhooks.receiver import Receiver
from users.models import User

WISH = {"url": "https://example.com/hooks", "events": ["context.completed", "batch.finished"], "description": "Shop"}


@pytest.fixture(autouse=True)
def _nobody_listens_afterwards():
    yield
    listeners.__init__()  # type: ignore[misc]


@pytest.fixture
def made(api) -> dict:
    answer = post(api, "/api/webhooks", WISH)
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def patch(client, path: str, body):
    return client.patch(path, body, format="json")


def make_delivery(webhook: dict, **fields) -> WebhookDelivery:
    values = {"event": "context.completed", "resource_id": "ctx_1", "payload": {"type": "context.completed"}}
    return WebhookDelivery.objects.create(
        endpoint_id=webhook["id"], organization_id=webhook["organization_id"], **(values | fields)
    )


def test_named_shapes_are_those_of_the_code():
    assert set(get_args(Subscribable)) == set(SUBSCRIBABLE)
    assert set(get_args(EventType)) == set(Event)
    assert set(get_args(State)) == set(DeliveryState.values)


def test_secret_is_told_on_creation_and_never_again(api, made):
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    Webhook(secret)
    answer = api.get(f"/api/webhooks/{made['id']}")
    assert answer.json() == made
    assert answer.json()["events"] == WISH["events"]
    for path in ("", f"/{made['id']}"):
        assert secret not in api.get(f"/api/webhooks{path}").content.decode()
    assert secret not in str(WebhookEndpoint.objects.values().get())


def test_same_idempotency_key_makes_one_webhook_and_tells_its_secret_again(api, db):
    first, second = (post(api, "/api/webhooks", WISH, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json() == second.json()
    assert first["Cache-Control"] == second["Cache-Control"] == "no-store"
    assert second["Idempotency-Replayed"] == "true"
    assert first["Location"] == f"/api/webhooks/{first.json()['id']}"
    problem_of(post(api, "/api/webhooks", {**WISH, "description": "Other"}, **{"Idempotency-Key": "k"}), 422)
    assert WebhookEndpoint.objects.count() == 1


def test_same_idempotency_key_tells_no_secret_that_came_by_rotation(api, db):
    path = "/api/webhooks"
    made = post(api, path, WISH, **{"Idempotency-Key": "k"}).json()
    post(api, f"{path}/{made['id']}/rotate-secret")
    again = post(api, path, WISH, **{"Idempotency-Key": "k"})
    assert (again.status_code, again.json()) == (201, {**made, "secret": ""})


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"url": "ftp://example.com"}, "/url"),
        ({"url": "example.com"}, "/url"),
        ({"url": "https://user:secret@example.com"}, "/url"),
        ({"url": "https://exa mple.com"}, "/url"),
        ({"url": "https://example.com/#here"}, "/url"),
        ({"url": "https://example.com:99999"}, "/url"),
        ({"url": "https://[::1"}, "/url"),
        ({"url": "https://ex\u00e4mple.com"}, "/url"),
        ({"url": "https://127.0.0.1/"}, "/url"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "/url"),
        ({"url": "https://example.com/" + "x" * 2000}, "/url"),
        ({"url": 7}, "/url"),
        ({"events": []}, "/events"),
        ({"events": "context.completed"}, "/events"),
        ({"events": ["context.begun"]}, "/events/0"),
        ({"events": ["webhook.test"]}, "/events/0"),
        ({"description": "x" * 201}, "/description"),
        ({"secret": "whsec_mine"}, "/secret"),
    ],
)
def test_what_is_wrong_is_named_by_its_place_and_nothing_is_stored(api, change, path):
    assert paths_of(post(api, "/api/webhooks", {**WISH, **change})) == [path]
    assert WebhookEndpoint.objects.count() == 0


@pytest.mark.parametrize("change", [{"url": "ftp://x"}, {"events": []}, {"is_active": "yes"}, {"id": "whe_1"}])
def test_change_that_is_not_valid_changes_nothing(api, made, change):
    problem_of(patch(api, f"/api/webhooks/{made['id']}", {**change, "description": "New"}), 400)
    assert api.get(f"/api/webhooks/{made['id']}").json()["description"] == "Shop"


def test_plain_http_is_refused_where_it_is_not_allowed(api, settings):
    settings.WEBHOOKS_ALLOW_HTTP = False
    assert paths_of(post(api, "/api/webhooks", {**WISH, "url": "http://example.com"})) == ["/url"]


def test_organization_has_no_more_than_so_many(api, organization):
    for _ in range(MOST_ENDPOINTS):
        assert post(api, "/api/webhooks", WISH).status_code == 201
    problem_of(post(api, "/api/webhooks", WISH), 409)


def test_change_changes_what_it_names_only(api, made):
    answer = patch(api, f"/api/webhooks/{made['id']}", {"events": ["context.failed"]})
    assert answer.status_code == 200
    assert (answer.json()["events"], answer.json()["url"]) == (["context.failed"], WISH["url"])


def test_switched_off_and_on_again(api, made):
    path = f"/api/webhooks/{made['id']}"
    assert patch(api, path, {"is_active": False}).json()["is_active"] is False
    problem_of(post(api, f"{path}/test"), 409)
    assert patch(api, path, {"is_active": True}).json()["is_active"] is True


def test_reason_why_it_was_switched_off_is_told(api, made):
    WebhookEndpoint.objects.update(is_active=False, disabled_reason="It has failed for 3 days.")
    assert api.get(f"/api/webhooks/{made['id']}").json()["disabled_reason"] == "It has failed for 3 days."
    answer = patch(api, f"/api/webhooks/{made['id']}", {"is_active": True})
    assert answer.json()["disabled_reason"] == ""


def test_rotation_tells_another_secret(api, made):
    answer = post(api, f"/api/webhooks/{made['id']}/rotate-secret")
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert answer.json()["secret"] not in ("", made["secret"])


def test_removed_webhook_is_gone_with_its_deliveries(api, made):
    make_delivery(made)
    assert api.delete(f"/api/webhooks/{made['id']}").status_code == 204
    problem_of(api.get(f"/api/webhooks/{made['id']}"), 404)
    assert WebhookDelivery.objects.count() == 0


def test_test_arrives_and_its_delivery_tells_so(api, settings, organization):
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    with Receiver() as receiver:
        made = post(api, "/api/webhooks", {**WISH, "url": receiver.url}).json()
        answer = post(api, f"/api/webhooks/{made['id']}/test")
        assert answer.status_code == 202
        take_turn(linger_seconds=0.0)
        headers, body = receiver.requests[0]
    assert Webhook(made["secret"]).verify(body, headers)["type"] == "webhook.test"
    found = api.get(f"/api/webhooks/{made['id']}/deliveries/{answer.json()['id']}").json()
    assert found["state"] == "delivered"
    assert [attempt["status"] for attempt in found["attempts"]] == [200]


def test_deliveries_are_listed_newest_first_and_filtered(api, made):
    first = make_delivery(made, state=DeliveryState.FAILED, event="context.failed")
    second = make_delivery(made, attempts=[{"at": "2023-05-15T10:30:00Z"}])
    path = f"/api/webhooks/{made['id']}/deliveries"
    assert [row["id"] for row in api.get(path).json()["results"]] == [second.pk, first.pk]
    assert [row["id"] for row in api.get(f"{path}?state=failed&event=context.failed").json()["results"]] == [first.pk]
    assert api.get(f"{path}?state=failed&event=context.completed").json()["results"] == []
    assert "payload" not in api.get(path).json()["results"][0]
    assert paths_of(api.get(f"{path}?state=lost")) == ["?state"]


def test_given_up_delivery_is_sent_again_on_demand(api, made):
    delivery = make_delivery(made, state=DeliveryState.FAILED, tries=9)
    path = f"/api/webhooks/{made['id']}/deliveries/{delivery.pk}"
    answer = post(api, f"{path}/redeliver")
    assert answer.status_code == 202
    assert (answer.json()["state"], answer.json()["attempt_count"]) == ("pending", 0)
    patch(api, f"/api/webhooks/{made['id']}", {"is_active": False})
    problem_of(post(api, f"{path}/redeliver"), 409)


def test_another_organizations_webhooks_and_deliveries_are_not_there(api, made, other_organization):
    other = client_of(other_organization)
    delivery = make_delivery(made)
    path = f"/api/webhooks/{made['id']}"
    assert other.get("/api/webhooks").json()["results"] == []
    for below in ("", "/deliveries", f"/deliveries/{delivery.pk}"):
        problem_of(other.get(path + below), 404)
    for below in ("/test", "/rotate-secret", f"/deliveries/{delivery.pk}/redeliver"):
        problem_of(post(other, path + below), 404)
    problem_of(patch(other, path, {"is_active": False}), 404)
    problem_of(other.delete(path), 404)
    theirs = post(other, "/api/webhooks", WISH).json()
    problem_of(api.get(f"{path}/deliveries/{make_delivery(theirs).pk}"), 404)
    assert WebhookEndpoint.objects.get(pk=made["id"]).is_active


@pytest.mark.parametrize("path", ["/test", "/rotate-secret"])
def test_bodies_that_say_something_are_refused(api, made, path):
    assert paths_of(post(api, f"/api/webhooks/{made['id']}{path}", {"loud": True})) == ["/loud"]


@pytest.mark.parametrize("body", [b"[]", b"{", b"null", b'{"url": "\\ud800"}', b'{"url": "\\u0000"}', b"\xff"])
def test_bodies_that_are_no_webhook_are_refused(api, body):
    problem_of(post(api, "/api/webhooks", body), 400)


def test_large_body_is_refused(api):
    problem_of(post(api, "/api/webhooks", {**WISH, "description": "x" * 70_000}), 413)


@pytest.mark.parametrize(("role", "status"), [("operator", 201), ("auditor", 403), ("editor", 403)])
def test_role_says_who_makes_webhooks(client, organization, role, status):
    client.force_login(User.objects.create_user("ann", "x", role=role, organization=organization))
    assert client.get("/api/webhooks").status_code == 200
    assert client.post("/api/webhooks", WISH, content_type="application/json").status_code == status
