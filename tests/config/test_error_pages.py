"""What a person sees where a page of the admin cannot be shown: what it means, and a way on."""

import pytest
from django.test import Client

from users.access import Role
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor() -> Client:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(User.objects.create_user("editor", "x", role=Role.EDITOR))
    return client


def told(answer, status: int) -> str:
    assert answer.status_code == status
    text: str = answer.content.decode()
    assert '<a href="/admin/">To the overview</a>' in text
    return text


def test_an_address_that_leads_nowhere(editor):
    assert "There is no such page" in told(editor.get("/admin/templates_app/template/nowhere"), 404)


def test_what_a_role_may_not_do(editor):
    assert "Your role does not allow it" in told(editor.get("/admin/users/user/"), 403)


def test_a_form_from_before_the_last_login(editor):
    assert "Nothing was saved" in told(editor.post("/admin/templates_app/template/add/", {"name": "x"}), 403)


def test_a_fault_of_ours_shows_nothing_of_it(editor, monkeypatch):
    def broken(*args: object, **kwargs: object) -> None:
        raise ValueError("secret")

    monkeypatch.setattr("templates_app.admin.pages.live_versions", broken)
    text = told(editor.get("/admin/templates_app/template/"), 500)
    assert "Something went wrong on our side" in text
    assert "secret" not in text
