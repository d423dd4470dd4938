"""Secrets of component settings are written, used, and never read again."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from base.encryption import decrypt, encrypt
from components.api import _configured
from components.errors import PermanentError
from components.forms import TYPE_AGAIN
from components.models import Component, Pipeline
from components.pipeline import Step
from components.schema import HIDDEN
from components.sealing import SEALED, settings_reencrypt
from components.services import component_build, pipeline_plan
from tests.components_admin.test_component_pages import LIST, add, change, errors
from users.access import Role

pytestmark = pytest.mark.django_db
URL = "https://example.org/hook"
KEY = "Bearer s3cret-1"


@pytest.fixture
def hook(editor) -> Component:
    assert (
        add(editor, "http", setting_url=URL, setting_headers=f"Authorization: {KEY}\nX-Y: s3cret-2").status_code == 302
    )
    return Component.objects.get()


def headers(row: Component) -> dict[str, Any]:
    row.refresh_from_db()
    found: dict[str, Any] = row.config["headers"]
    return {name: decrypt(value.removeprefix(SEALED)) for name, value in found.items()}


def typed(client, row: Component, text: str, **fields: Any):
    return change(client, row, setting_url=URL, setting_headers=text, **fields)


def test_a_secret_is_stored_sealed_and_open_where_a_step_runs(hook):
    assert "s3cret" not in str(hook.config)
    assert hook.config["url"] == URL
    assert headers(hook) == {"Authorization": KEY, "X-Y": "s3cret-2"}
    assert component_build(Step("s", hook.pk)).config.headers == {"Authorization": KEY, "X-Y": "s3cret-2"}


def test_no_page_history_or_answer_has_it(editor, hook):
    typed(editor, hook, f"Authorization: s3cret-3\nX-Y: {HIDDEN}")
    for address in (LIST, f"{LIST}{hook.pk}/change/", f"{LIST}{hook.pk}/history/", f"{LIST}{hook.pk}/delete/"):
        page = editor.get(address).content.decode()
        assert "s3cret" not in page
        assert SEALED not in page
    assert f"Authorization: {HIDDEN}\nX-Y: {HIDDEN}" in editor.get(f"{LIST}{hook.pk}/change/").content.decode()
    assert "headers" not in str(_configured())
    assert "s3cret" not in str([entry.change_message for entry in LogEntry.objects.all()])


def test_who_only_looks_sees_that_it_is_set(hook, logged_in):
    page = logged_in(Role.AUDITOR).get(f"{LIST}{hook.pk}/change/").content.decode()
    assert f"Authorization: {HIDDEN}, X-Y: {HIDDEN}" in page


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.OPERATOR, Role.AUDITOR])
def test_staff_of_an_organization_do_not_see_where_a_service_is(hook, logged_in, organization, role):
    client = logged_in(role, organization)
    page = client.get(f"{LIST}{hook.pk}/change/").content.decode()
    assert URL not in page
    assert "Only staff of Draftline see: URL, Headers." in page
    assert client.get(LIST, {"config__icontains": "example"}).status_code == 400


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (f"Authorization: {HIDDEN}\nX-Y: {HIDDEN}", {"Authorization": KEY, "X-Y": "s3cret-2"}),
        ("Authorization:\nX-Y:", {"Authorization": KEY, "X-Y": "s3cret-2"}),
        (f"Authorization: {HIDDEN}\nX-Y: other", {"Authorization": KEY, "X-Y": "other"}),
        (f"X-Y: {HIDDEN}\nX-New: more", {"X-Y": "s3cret-2", "X-New": "more"}),
    ],
)
def test_dots_or_nothing_keep_a_value_and_a_line_less_removes_it(editor, hook, text, stored):
    token = hook.config["headers"]["X-Y"]
    assert typed(editor, hook, text).status_code == 302
    assert headers(hook) == stored
    if stored["X-Y"] == "s3cret-2":
        assert hook.config["headers"]["X-Y"] == token


@pytest.mark.parametrize("address", ["https://elsewhere.example/hook", "http://example.org/hook", "https://[::1"])
@pytest.mark.parametrize("text", [f"Authorization: {HIDDEN}\nX-Y: {HIDDEN}", f"Authorization: new\nX-Y: {HIDDEN}"])
def test_a_stored_secret_is_not_sent_to_another_server(editor, hook, address, text):
    told = errors(change(editor, hook, setting_url=address, setting_headers=text))
    assert "leads to another server" in str(told["setting_headers"])
    assert headers(hook) == {"Authorization": KEY, "X-Y": "s3cret-2"}
    assert hook.config["url"] == URL


def test_it_goes_along_to_another_place_of_its_server_and_typed_anew_to_another(editor, hook):
    change(editor, hook, setting_url=f"{URL}/2", setting_headers=f"Authorization: {HIDDEN}\nX-Y: {HIDDEN}")
    assert headers(hook) == {"Authorization": KEY, "X-Y": "s3cret-2"}
    assert hook.config["url"] == f"{URL}/2"
    change(editor, hook, setting_url="https://elsewhere.example/", setting_headers="Authorization: theirs")
    assert headers(hook) == {"Authorization": "theirs"}
    assert hook.config["url"] == "https://elsewhere.example/"


def test_all_of_it_can_be_taken_out(editor, hook):
    assert typed(editor, hook, "").status_code == 302
    hook.refresh_from_db()
    assert "headers" not in hook.config


def test_what_was_typed_into_a_form_that_is_refused_is_not_sent_back(editor, hook):
    answer = typed(editor, hook, f"Authorization: s3cret-4\nX-Y: {HIDDEN}", setting_timeout_seconds="0")
    page = answer.content.decode()
    assert "s3cret" not in page
    assert f"Authorization: {TYPE_AGAIN}\nX-Y: {HIDDEN}" in page
    # and is not taken for what is stored when that page is sent
    again = errors(typed(editor, hook, f"Authorization: {TYPE_AGAIN}\nX-Y: {HIDDEN}"))
    assert again["setting_headers"] == ["Authorization: type the value again."]
    assert headers(hook)["Authorization"] == KEY


@pytest.mark.parametrize(
    ("text", "told"),
    [(f"X-New: {HIDDEN}", "X-New: type its value."), (f"X-Y: {SEALED}x", "X-Y: a value cannot begin with 'sealed:'.")],
)
def test_a_value_that_is_none_is_refused(editor, hook, text, told):
    assert told in errors(typed(editor, hook, text))["setting_headers"]


def test_plain_secrets_and_those_of_a_former_key_are_sealed_anew(settings):
    before = settings.SECRET_KEY
    old = Component.objects.create(id="comp_old", name="O", type="http", config={"url": URL, "headers": {"A": "plain"}})
    other = Component.objects.create(id="comp_other", name="X", type="media", config={"tags": ["a"]})
    assert settings_reencrypt() == 1
    assert headers(old) == {"A": "plain"}
    assert settings_reencrypt() == 0
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key", [before]
    assert settings_reencrypt() == 1
    settings.SECRET_KEY_FALLBACKS = []
    assert headers(old) == {"A": "plain"}
    other.refresh_from_db()
    assert other.config == {"tags": ["a"]}


def test_a_secret_whose_key_is_gone_is_told_in_plain_words(editor, hook, settings, caplog):
    Pipeline.objects.create(id="pipe_a", name="A", steps=[hook.pk])
    settings.SECRET_KEY = "another key"
    with pytest.raises(PermanentError, match="SECRET_KEY has changed") as caught:
        component_build(Step("s", hook.pk))
    assert caught.value.type == "invalid_config"
    with pytest.raises(Exception, match="SECRET_KEY has changed"):
        pipeline_plan([hook.pk], from_client=False)
    assert settings_reencrypt() == 0
    assert "component_secret_unreadable component=comp_new" in caplog.text
    editor.force_login(LogEntry.objects.get().user)
    assert "SECRET_KEY has changed" in str(errors(typed(editor, hook, f"X-Y: {HIDDEN}")))
    assert typed(editor, hook, "X-Y: anew").status_code == 302
    assert headers(hook) == {"X-Y": "anew"}


def test_a_sealed_text_is_never_sealed_twice(hook):
    Component.objects.filter(pk=hook.pk).update(config={"url": URL, "headers": {"A": f"{SEALED}{encrypt('x')}"}})
    assert settings_reencrypt() == 0
    assert headers(hook) == {"A": "x"}
