"""A key is replaced without a gap: by its app, in a terminal, in the admin."""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.admin.utils import quote
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from base import clock
from base.problems import Conflict, InvalidInput
from tests.api.calls import paths_of, post, problem_of
from users.models import ApiKey
from users.rotation import LONGEST_OVERLAP, apikey_rotate, overlap_of
from users.services import apikey_create, apikey_find, apikey_revoke, apikey_touch

pytestmark = pytest.mark.django_db
ROTATE = "/api/me/rotate-key"


@pytest.fixture
def made(organization) -> tuple[ApiKey, str]:
    return apikey_create(name="shop", organization=organization, scopes=["media:read"], rate="900/min")


def carrying(secret: str) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def test_an_app_gets_a_key_with_the_same_rights_and_time_to_put_it_in_place(made):
    key, secret = made
    answer = post(carrying(secret), ROTATE, {"overlap_seconds": 60})
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    new = answer.json()
    assert (new["name"], new["scopes"], new["replaces"], new["expires_at"]) == ("shop", ["media:read"], key.pk, None)
    row = ApiKey.objects.get(pk=new["id"])
    assert (row.replaces_id, row.rate, row.organization_id) == (key.pk, "900/min", key.organization_id)
    for carried, key_id in ((new["key"], new["id"]), (secret, key.pk)):
        assert carrying(carried).get("/api/me").json()["id"] == key_id
    key.refresh_from_db()
    assert timedelta(seconds=50) < key.expires_at - clock.now() <= timedelta(seconds=60)
    assert new["replaced_until"] == clock.to_iso(key.expires_at)


def test_without_an_overlap_the_old_key_ends_at_once(made):
    answer = post(carrying(made[1]), ROTATE, {"overlap_seconds": 0})
    problem_of(carrying(made[1]).get("/api/me"), 401)
    assert carrying(answer.json()["key"]).get("/api/me").status_code == 200


def test_without_a_body_the_old_key_works_for_a_day(made):
    assert post(carrying(made[1]), ROTATE).status_code == 201
    made[0].refresh_from_db()
    assert timedelta(hours=23, minutes=59) < made[0].expires_at - clock.now() <= timedelta(hours=24)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"overlap_seconds": -1}, "/overlap_seconds"),
        ({"overlap_seconds": "5"}, "/overlap_seconds"),
        ({"overlap_seconds": True}, "/overlap_seconds"),
        ({"overlap_seconds": 31 * 86_400}, "/overlap_seconds"),
        ({"scopes": ["contexts:write"]}, "/scopes"),
        ([], ""),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(made, body, path):
    assert paths_of(post(carrying(made[1]), ROTATE, body)) == [path]
    assert ApiKey.objects.get().expires_at is None


def test_a_key_does_not_lengthen_its_own_life(organization):
    ends = clock.now() + timedelta(hours=1)
    key, _ = apikey_create(name="x", organization=organization, scopes=["media:read"], expires_at=ends)
    made = apikey_rotate(key)
    assert (made.key.expires_at, made.old_until) == (ends, ends)


def test_where_the_answer_was_lost_it_is_asked_again_and_one_replacement_is_left(made):
    client = carrying(made[1])
    first, second = (post(client, ROTATE, {"overlap_seconds": 3600}).json() for _ in range(2))
    assert apikey_find(first["key"]) is None
    found = apikey_find(second["key"])
    assert found is not None
    assert found.expires_at is None, "the old key had no end before its first rotation"


def test_a_replacement_is_not_rotated_while_the_old_key_works(made):
    rotation = apikey_rotate(made[0], overlap=timedelta(hours=1))
    with pytest.raises(Conflict, match="which still works"):
        apikey_rotate(rotation.key)
    apikey_revoke(made[0])
    rotation.key.refresh_from_db()
    assert apikey_rotate(rotation.key).key.replaces_id == rotation.key.pk


def test_a_repeated_rotation_does_not_put_off_the_end(made):
    until = apikey_rotate(made[0], overlap=timedelta(minutes=1)).old_until
    made[0].refresh_from_db()
    assert apikey_rotate(made[0], overlap=timedelta(days=1)).old_until == until


def test_once_the_replacement_is_in_use_the_old_key_makes_no_other(made):
    new = post(carrying(made[1]), ROTATE).json()
    assert carrying(new["key"]).get("/api/me").status_code == 200
    assert new["id"] in problem_of(post(carrying(made[1]), ROTATE), 409)["detail"]
    assert apikey_find(new["key"]) is not None


def test_a_key_that_has_ended_is_not_rotated(made):
    apikey_revoke(made[0])
    made[0].refresh_from_db()
    with pytest.raises(Conflict, match="is revoked"):
        apikey_rotate(made[0])


def test_a_key_that_is_revoked_meanwhile_gets_no_replacement(made):
    apikey_revoke(made[0])  # the row that was read before knows nothing of it
    with pytest.raises(Conflict, match="at this moment"):
        apikey_rotate(made[0])
    assert not ApiKey.objects.filter(revoked_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_two_rotations_at_once_leave_one_replacement_at_most(made):
    def rotate(_: int) -> str | None:
        try:
            return apikey_rotate(ApiKey.objects.select_related("organization").get(pk=made[0].pk)).secret
        except Conflict:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        secrets = [secret for secret in threads.map(rotate, range(8)) if secret]
    alive = [secret for secret in secrets if apikey_find(secret)]
    assert len(alive) <= 1
    assert ApiKey.objects.filter(replaces=made[0], revoked_at=None).count() == len(alive)


@pytest.mark.parametrize(("text", "seconds"), [("24h", 86_400), ("0s", 0), ("30m", 1800), ("2d", 172_800)])
def test_an_overlap_is_read(text, seconds):
    assert overlap_of(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "24", "h", "-1h", "1.5h", "99999999d", "1w"])
def test_what_is_no_overlap_is_refused(text):
    with pytest.raises(InvalidInput):
        overlap_of(text)


def test_an_overlap_has_an_end(made):
    with pytest.raises(InvalidInput):
        apikey_rotate(made[0], overlap=LONGEST_OVERLAP + timedelta(seconds=1))


# --- in a terminal --------------------------------------------------------------------------------------------
def run(*args: str) -> list[str]:
    out = io.StringIO()
    call_command("apikey", *args, stdout=out)
    return out.getvalue().splitlines()


def test_the_new_key_stands_alone_on_the_last_line(made):
    *explanation, secret = run("rotate", made[0].pk, "--overlap", "2h")
    new = apikey_find(secret)
    assert new is not None
    assert new.replaces_id == made[0].pk
    assert secret not in "".join(explanation)
    old, follower = run("list")
    made[0].refresh_from_db()
    assert made[0].expires_at is not None
    assert f"until {clock.to_iso(made[0].expires_at)}" in old
    assert f"replaces {made[0].pk}" in follower


@pytest.mark.parametrize("args", [("key_nothing",), ("{id}", "--overlap", "soon"), ("{id}", "--overlap", "99d")])
def test_a_terminal_is_told_what_to_do(made, args):
    with pytest.raises(CommandError, match=r"apikey list|24h|30 days"):
        run("rotate", *[text.format(id=made[0].pk) for text in args])
    assert ApiKey.objects.count() == 1


# --- in the admin ---------------------------------------------------------------------------------------------
def test_a_key_is_rotated_on_its_page_and_the_new_one_shown_once(made, administrator):
    boss = Client()
    boss.force_login(administrator)
    page = reverse("admin:users_apikey_change", args=[quote(made[0].pk)])
    form = {"name": "shop", "scopes": ["media:read"], "rate": "900/min", "expires_at_0": "", "expires_at_1": ""}
    answer = boss.post(page, {**form, "users_apikey_rotate_this": "1"}, follow=True)
    (secret,) = set(re.findall(r"dl_[\w-]{40,}", answer.content.decode()))
    new = apikey_find(secret)
    assert new is not None
    assert (new.replaces_id, new.created_by_id) == (made[0].pk, administrator.pk)
    assert secret not in boss.get(page).content.decode()
    assert quote(made[0].pk) in boss.get(reverse("admin:users_apikey_change", args=[quote(new.pk)])).content.decode()


def test_the_admin_says_why_a_key_is_not_rotated(made, administrator):
    apikey_touch(apikey_rotate(made[0]).key)
    boss = Client()
    boss.force_login(administrator)
    page = reverse("admin:users_apikey_change", args=[quote(made[0].pk)])
    until = ApiKey.objects.get(pk=made[0].pk).expires_at
    form = {"name": "shop", "scopes": ["media:read"], "rate": "900/min"}
    form |= {"expires_at_0": f"{until:%Y-%m-%d}", "expires_at_1": f"{until:%H:%M:%S}"}
    assert "is in use" in boss.post(page, {**form, "users_apikey_rotate_this": "1"}, follow=True).content.decode()
