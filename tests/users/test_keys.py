"""Keys: made, shown once, hashed; what opens the API and what does not."""

import datetime
from dataclasses import dataclass

import pytest
import time_machine
from rest_framework.test import APIClient

from base import clock
from base.problems import InvalidInput
from users.access import Role, Scope
from users.models import ApiKey, Organization, User
from users.services import apikey_create, apikey_find, apikey_revoke

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Made:
    key: ApiKey
    secret: str


@pytest.fixture
def made(organization: Organization) -> Made:
    key, secret = apikey_create(
        name="Shop", organization=organization, scopes=[Scope.MEDIA_READ], expires_at=clock.now() + DAY
    )
    return Made(key, secret)


def ask(secret: str | None, path: str = "/api/me", scheme: str = "Bearer"):
    client = APIClient(raise_request_exception=False)
    if secret is not None:
        client.credentials(HTTP_AUTHORIZATION=f"{scheme} {secret}")
    return client.get(path)


def assert_refused(response) -> None:
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert response["WWW-Authenticate"] == 'Bearer realm="draftline"'
    assert response.json()["status"] == 401


def test_a_key_opens_the_api_and_only_its_hash_is_stored(made):
    assert ask(made.secret).status_code == 200
    assert ask(made.secret, scheme="bearer").status_code == 200
    row = ApiKey.objects.values().get()
    assert made.secret not in str(row)
    assert made.secret.startswith(row["prefix"])
    assert len(made.secret) > len(row["prefix"]) + 30


def test_an_unknown_key_is_refused(made):
    assert_refused(ask("dl_unknown"))
    assert_refused(ask(made.key.key_hash))
    assert_refused(ask(made.secret + "x"))
    assert_refused(ask(made.secret, scheme="Basic"))
    assert_refused(ask(""))
    assert_refused(ask(None))


def test_an_expired_key_is_refused(made):
    with time_machine.travel(made.key.expires_at - datetime.timedelta(seconds=1), tick=False):
        assert ask(made.secret).status_code == 200
    with time_machine.travel(made.key.expires_at, tick=False):
        assert_refused(ask(made.secret))


def test_a_revoked_key_is_refused(made):
    apikey_revoke(made.key)
    assert_refused(ask(made.secret))
    revoked_at = ApiKey.objects.get().revoked_at
    apikey_revoke(made.key)
    assert ApiKey.objects.get().revoked_at == revoked_at


def test_the_keys_of_an_inactive_organization_are_refused(made, organization):
    Organization.objects.filter(pk=organization.pk).update(is_active=False)
    assert_refused(ask(made.secret))


def test_a_key_may_do_what_its_scopes_say_and_no_more(made):
    assert ask(made.secret, "/api/media").status_code == 200
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {made.secret}")
    response = client.post("/api/media", {})
    assert response.status_code == 403
    assert response["Content-Type"] == "application/problem+json"
    assert "media:write" in response.json()["detail"]


def test_the_last_use_is_noted_at_most_once_a_minute(made):
    start = clock.now() + datetime.timedelta(hours=1)
    with time_machine.travel(start, tick=False):
        ask(made.secret)
    with time_machine.travel(start + datetime.timedelta(seconds=59), tick=False):
        ask(made.secret)
    assert ApiKey.objects.get().last_used_at == start
    with time_machine.travel(start + datetime.timedelta(seconds=60), tick=False):
        ask(made.secret)
    assert ApiKey.objects.get().last_used_at == start + datetime.timedelta(seconds=60)


@pytest.mark.parametrize(
    ("wish", "path"),
    [
        ({"name": " "}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["all"]}, "/scopes"),
        ({"rate": "fast"}, "/rate"),
        ({"rate": "0/min"}, "/rate"),
        ({"rate": "1/min\n"}, "/rate"),
        ({"expires_at": clock.now() - DAY}, "/expires_at"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(organization, wish, path):
    wishes = {"name": "x", "scopes": ["media:read"], **wish}
    with pytest.raises(InvalidInput) as caught:
        apikey_create(organization=organization, **wishes)
    assert [fault.path for fault in caught.value.errors] == [path]
    assert not ApiKey.objects.exists()


def test_a_text_that_is_no_text_finds_no_key(db):
    assert apikey_find("dl_\ud800") is None


def test_me_tells_a_key_who_it_is(made):
    assert ask(made.secret).json() == {
        "kind": "key",
        "id": made.key.pk,
        "name": "Shop",
        "organization_id": "org_test",
        "scopes": ["components:read", "media:read"],
        "expires_at": clock.to_iso(made.key.expires_at),
    }


def test_me_tells_a_person_who_they_are(organization):
    person = User.objects.create_user("Ada", "x", name="Ada L.", role=Role.OPERATOR, organization=organization)
    client = APIClient()
    client.force_login(person)
    assert client.get("/api/me").json() == {
        "kind": "person",
        "id": person.pk,
        "name": "Ada L.",
        "organization_id": "org_test",
        "scopes": [
            "components:read",
            "contexts:read",
            "contexts:write",
            "media:read",
            "templates:read",
            "webhooks:read",
            "webhooks:write",
        ],
        "role": "operator",
    }


def test_a_person_who_may_not_enter_the_admin_is_nobody_to_the_api(organization):
    client = APIClient()
    client.force_login(User.objects.create_user("client", "x", organization=organization))
    assert_refused(client.get("/api/me"))


def test_person_of_an_inactive_organization_is_refused(organization):
    person = User.objects.create_user("op", "correct horse battery", role=Role.OPERATOR, organization=organization)
    client = APIClient()
    client.force_login(person)
    assert client.get("/api/me").status_code == 200
    Organization.objects.filter(pk=organization.pk).update(is_active=False)
    assert client.get("/api/me").status_code == 403
