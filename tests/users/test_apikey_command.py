"""The apikey command, as a person at a terminal uses it."""

import io

import pytest
from django.core.management import CommandError, call_command

from users.models import ApiKey, Organization
from users.services import apikey_find

pytestmark = pytest.mark.django_db


def run(*args: str) -> list[str]:
    out = io.StringIO()
    call_command("apikey", *args, stdout=out)
    return out.getvalue().splitlines()


def create(*args: str) -> list[str]:
    return run("create", "--name", "Shop", "--scopes", "contexts:read, contexts:write", *args)


def test_the_key_stands_alone_on_the_last_line():
    *explanation, secret = create("--rate", "100/min", "--expires", "2999-01-01")
    key = apikey_find(secret)
    assert key is not None
    assert (key.name, key.scopes, key.rate) == ("Shop", ["contexts:read", "contexts:write"], "100/min")
    assert key.expires_at is not None
    assert key.expires_at.isoformat() == "2999-01-01T00:00:00+00:00"
    assert key.organization_id == "org_default"
    assert key.pk in explanation[0]
    assert not any(secret in line for line in explanation)


def test_a_key_may_be_made_for_an_organization(organization):
    key = apikey_find(create("--organization", organization.pk)[-1])
    assert key is not None
    assert key.organization == organization


def test_a_list_shows_keys_and_never_secrets(organization):
    assert run("list") == ["There are no keys yet; 'apikey create' makes one."]
    secret, other = create()[-1], create("--organization", organization.pk)[-1]
    lines = run("list")
    assert len(lines) == 2
    assert secret not in str(lines)
    assert "active" in lines[0]
    assert "never used" in lines[0]
    assert [line for line in lines if other[:9] in line] == run("list", "--organization", organization.pk)


def test_a_revoked_key_opens_nothing():
    secret = create()[-1]
    key_id = ApiKey.objects.get().pk
    assert key_id in run("revoke", key_id)[0]
    assert apikey_find(secret) is None
    assert "revoked" in run("list")[0]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["create", "--name", "x", "--scopes", "all"], "--scopes: There is no scope 'all'"),
        (["create", "--name", "x", "--scopes", ","], "--scopes: Name at least one"),
        (["create", "--name", "", "--scopes", "media:read"], "--name: Name the key"),
        (["create", "--name", "x", "--scopes", "media:read", "--rate", "often"], "--rate: 'often' is no rate"),
        (["create", "--name", "x", "--scopes", "media:read", "--expires", "soon"], "write 2027-01-01"),
        (["create", "--name", "x", "--scopes", "media:read", "--expires", "2001-01-01"], "--expires: This lies"),
        (["create", "--name", "x", "--scopes", "media:read", "--organization", "org_x"], "there are: org_test"),
        (["create", "--scopes", "media:read"], "--name"),
        (["revoke", "key_x"], "'apikey list' shows"),
        ([], "required"),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(organization, args, words):
    with pytest.raises(CommandError) as caught:
        run(*args)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not ApiKey.objects.exists()


def test_no_organization_is_made_for_a_key_that_is_not_made():
    with pytest.raises(CommandError):
        run("create", "--name", "x", "--scopes", "media:read", "--organization", "org_x")
    assert not Organization.objects.exists()
