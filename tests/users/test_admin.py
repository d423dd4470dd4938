"""People, organizations and keys in the admin: who may do what, and that no secret shows twice."""

import re

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from users.access import Role
from users.models import ApiKey, Organization, User
from users.services import apikey_create, apikey_find

pytestmark = pytest.mark.django_db
PAGES = ("user", "organization", "apikey")
PASSWORD = "correct horse battery"


def logged_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def boss(administrator) -> Client:
    return logged_in(administrator)


def person_form(**fields):
    return {"username": "ada", "name": "", "email": "", "role": "editor", "organization": "", **fields}


def key_form(**fields):
    return {"name": "Shop", "organization": "org_test", "scopes": ["media:read"], "rate": "", **fields}


def errors_of(response) -> dict[str, list[str]]:
    assert response.status_code == 200
    return dict(response.context["adminform"].form.errors)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("role", "sees", "adds"),
    [
        (Role.ADMINISTRATOR, 200, 200),
        (Role.AUDITOR, 200, 403),
        (Role.EDITOR, 403, 403),
        (Role.OPERATOR, 403, 403),
        (Role.CLIENT, 302, 302),
    ],
)
def test_administrators_change_auditors_look_nobody_else_enters(page, role, sees, adds):
    client = logged_in(User.objects.create_user(f"x-{role}", PASSWORD, role=role))
    assert client.get(f"/admin/users/{page}/").status_code == sees
    assert client.get(f"/admin/users/{page}/add/").status_code == adds


def test_an_auditor_sees_rows_and_saves_none(organization, administrator):
    client = logged_in(User.objects.create_user("audit", PASSWORD, role=Role.AUDITOR))
    key, _ = apikey_create(name="Shop", organization=organization, scopes=["media:read"])
    for page, row in (("user", administrator), ("organization", organization), ("apikey", key)):
        address = f"/admin/users/{page}/{row.pk}/change/"
        shown = client.get(address)
        assert shown.status_code == 200
        assert 'name="_save"' not in shown.content.decode()
        assert "revoke_this" not in shown.content.decode()
        assert client.post(address, {}).status_code == 403
    client.post("/admin/users/apikey/", {"action": "revoke", "_selected_action": [key.pk]})
    assert ApiKey.objects.get().revoked_at is None
    assert client.get(f"/admin/users/user/{administrator.pk}/password/").status_code == 403


def test_groups_are_not_offered(boss):
    assert not admin.site.is_registered(Group)
    assert "auth/group" not in boss.get("/admin/").content.decode()


def test_a_person_is_made_and_logs_in_in_any_case(boss):
    response = boss.post("/admin/users/user/add/", person_form(username="Ada", password1=PASSWORD, password2=PASSWORD))
    assert response.status_code == 302
    ada = User.objects.get(username="ada")
    assert ada.role == Role.EDITOR
    assert PASSWORD not in ada.password
    for name in ("ada", "ADA"):
        entry = Client().post("/admin/login/?next=/admin/", {"username": name, "password": PASSWORD})
        assert entry.status_code == 302
    assert Client().post("/admin/login/", {"username": "ada", "password": "wrong"}).status_code == 200


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"username": "ADMIN"}, "username"),
        ({"username": "no spaces"}, "username"),
        ({"password1": "short", "password2": "short"}, "password2"),
        ({"password2": "another one"}, "password2"),
        ({"role": "king"}, "role"),
    ],
)
def test_what_is_wrong_with_a_person_stands_beside_its_field(boss, fields, field):
    wishes = person_form(password1=PASSWORD, password2=PASSWORD) | fields
    assert field in errors_of(boss.post("/admin/users/user/add/", wishes))
    assert User.objects.count() == 1


def test_a_person_is_moved_given_a_role_and_deactivated(boss, organization):
    ada = User.objects.create_user("ada", PASSWORD, role=Role.EDITOR)
    client = logged_in(ada)
    assert client.get("/admin/").status_code == 200
    address = f"/admin/users/user/{ada.pk}/change/"
    page = boss.get(address).content.decode()
    assert f"/admin/users/user/{ada.pk}/password/" in page or "../password/" in page
    assert ada.password not in page
    boss.post(address, person_form(role="operator", organization=organization.pk))
    ada.refresh_from_db()
    assert (ada.role, ada.organization, ada.is_active) == (Role.OPERATOR, organization, False)
    assert client.get("/admin/").status_code == 302


def test_a_password_is_changed(boss):
    ada = User.objects.create_user("ada", PASSWORD, role=Role.EDITOR)
    address = f"/admin/users/user/{ada.pk}/password/"
    assert boss.get(address).status_code == 200
    assert boss.post(address, {"password1": "a", "password2": "a"}).status_code == 200
    new = "another horse battery"
    assert boss.post(address, {"password1": new, "password2": new}).status_code == 302
    assert Client().login(username="ada", password=new)


def test_the_last_administrator_stays_one(boss, administrator):
    address = f"/admin/users/user/{administrator.pk}/change/"
    errors = errors_of(boss.post(address, person_form(username="admin")))
    assert set(errors) == {"role", "is_active"}
    User.objects.create_superuser("second", PASSWORD)
    assert boss.post(address, person_form(username="admin")).status_code == 302


def test_nothing_that_others_refer_to_is_removed(boss, administrator, organization):
    key, _ = apikey_create(name="Shop", organization=organization, scopes=["media:read"])
    for page, row in (("user", administrator), ("organization", organization), ("apikey", key)):
        assert boss.post(f"/admin/users/{page}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
        row.refresh_from_db()


def test_a_key_is_shown_once_and_its_hash_never(boss, administrator, organization):
    response = boss.post("/admin/users/apikey/add/", key_form(rate="100/min"), follow=True)
    found = re.search(r"dl_[\w-]{30,}", response.content.decode())
    assert found is not None
    key = apikey_find(found[0])
    assert key is not None
    assert (key.organization, key.scopes, key.rate) == (organization, ["media:read"], "100/min")
    assert key.created_by == administrator
    for address in ("/admin/users/apikey/", f"/admin/users/apikey/{key.pk}/change/", "/admin/"):
        page = boss.get(address).content.decode()
        assert found[0] not in page
        assert key.key_hash not in page


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["all"]}, "scopes"),
        ({"rate": "often"}, "rate"),
        ({"expires_at_0": "2001-01-01", "expires_at_1": "00:00:00"}, "expires_at"),
        ({"name": ""}, "name"),
        ({"organization": ""}, "organization"),
    ],
)
def test_what_is_wrong_with_a_key_stands_beside_its_field(boss, organization, fields, field):
    assert list(errors_of(boss.post("/admin/users/apikey/add/", key_form(**fields)))) == [field]
    assert not ApiKey.objects.exists()


def test_a_keys_rights_are_changed_and_its_secret_stays(boss, organization):
    key, secret = apikey_create(name="Shop", organization=organization, scopes=["media:read"])
    wishes = key_form(name="New shop", scopes=["media:write", "contexts:read"], rate="5/sec", organization="org_x")
    boss.post(f"/admin/users/apikey/{key.pk}/change/", wishes)
    changed = apikey_find(secret)
    assert changed is not None
    assert (changed.name, changed.rate, changed.organization) == ("New shop", "5/sec", organization)
    assert changed.scopes == ["contexts:read", "media:write"]


def test_keys_are_revoked_from_the_list_and_from_their_page(boss, organization):
    keys = [apikey_create(name=name, organization=organization, scopes=["media:read"]) for name in "ab"]
    (first, one), (second, two) = keys
    boss.post("/admin/users/apikey/", {"action": "revoke", "_selected_action": [first.pk]})
    assert apikey_find(one) is None
    assert apikey_find(two) is not None
    address = reverse("admin:users_apikey_change", args=[quote(second.pk)])
    assert 'name="users_apikey_revoke_this"' in boss.get(address).content.decode()
    boss.post(address, key_form(users_apikey_revoke_this="1"))
    assert apikey_find(two) is None
    page = boss.get(f"/admin/users/apikey/{second.pk}/change/").content.decode()
    assert 'name="_save"' not in page
    assert "revoke_this" not in page


def test_an_administrator_of_one_organization_keeps_to_it(administrator, organization):
    other = Organization.objects.create(name="Other")
    theirs, _ = apikey_create(name="Theirs", organization=other, scopes=["media:read"])
    local = User.objects.create_user("local", PASSWORD, role=Role.ADMINISTRATOR, organization=organization)
    stranger = User.objects.create_user("stranger", PASSWORD, role=Role.EDITOR, organization=other)
    client = logged_in(local)
    assert theirs.pk not in client.get("/admin/users/apikey/").content.decode()
    people = client.get("/admin/users/user/").content.decode()
    assert stranger.pk not in people
    assert administrator.pk not in people
    assert other.pk not in client.get("/admin/users/organization/").content.decode()
    assert client.get("/admin/users/organization/add/").status_code == 403
    client.post("/admin/users/apikey/add/", key_form(organization=other.pk))
    assert ApiKey.objects.latest("pk").organization == organization
    new = person_form(password1=PASSWORD, password2=PASSWORD, role="administrator", organization="")
    client.post("/admin/users/user/add/", new)
    assert User.objects.get(username="ada").organization == organization
    client.post(f"/admin/users/user/{local.pk}/change/", person_form(username="local", organization=""))
    local.refresh_from_db()
    assert local.organization == organization
