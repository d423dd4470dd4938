"""The Test button of a component setting: a real call, what came of it in plain words, and no secret in it."""

import html
import re
from collections.abc import Iterator

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote

from base.locks import one_at_a_time
from components.contract import Component as ComponentType
from components.models import Component
from components.schema import HIDDEN
from tests.components_admin.echo_server import EchoServer
from tests.components_admin.test_component_pages import LIST, writer
from tests.fakes.openai_server import FakeOpenAi, answer, failing
from users.access import Role
from users.models import Organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def model_server(settings) -> Iterator[FakeOpenAi]:
    with FakeOpenAi() as server:
        settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, settings.OPENAI_MODEL = "sk-s3cret", server.base_url, "gpt-4"
        yield server


@pytest.fixture
def service(settings) -> Iterator[EchoServer]:
    settings.HTTP_ALLOW_PRIVATE = True
    with EchoServer() as server:
        yield server


def text_of(response) -> str:
    assert response.status_code == 200
    return html.unescape(re.sub(r"\s+", " ", response.content.decode()))


def press(client, row: Component) -> str:
    return text_of(client.post(f"{LIST}{row.pk}/test/"))


def test_a_model_is_asked_one_small_question_with_the_settings_of_the_row(editor, model_server):
    row = writer(config={"model": "gpt-4o", "temperature": 0.2, "max_tokens": 9000, "timeout_seconds": 300})
    model_server.next(answer('{"answer": "It works."}', model="gpt-4o-2026"))
    assert f'href="{LIST}{quote(row.pk)}/test/"' in text_of(editor.get(f"{LIST}{quote(row.pk)}/change/"))
    page = text_of(editor.post(f"{LIST}{quote(row.pk)}/test/"))
    assert "It works." in page
    assert "gpt-4o-2026" in page
    assert re.search(r"\d+ ms", page)
    [body] = model_server.bodies
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("gpt-4o", 0.2, 500)
    assert "Tested it: works, " in LogEntry.objects.get().get_change_message()


def test_looking_at_the_page_asks_nobody(editor, model_server):
    assert "costs a few tokens" in text_of(editor.get(f"{LIST}{writer().pk}/test/"))
    assert model_server.calls == 0


def test_without_a_key_the_offline_provider_answers(editor, settings):
    settings.OPENAI_API_KEY = ""
    assert "offline-1" in press(editor, writer())


def test_an_error_is_told_in_plain_words_and_without_the_key(editor, model_server):
    model_server.next(failing(401, "Incorrect API key provided: sk-s3cret."))
    page = press(editor, writer())
    assert "It does not work: Key refused" in page
    assert "An administrator must set a valid OPENAI_API_KEY" in page
    model_server.next(failing(400, "Bad key sk-s3cret in the request."))
    page = press(editor, writer(id="comp_b"))
    assert "It does not work: Request refused" in page
    assert "sk-s3cret" not in page
    assert "failed (provider_auth)" in LogEntry.objects.get(object_id="comp_writer").get_change_message()


def test_a_service_gets_one_request_and_what_it_echoes_shows_no_secret(editor, service):
    headers = {"Authorization": "Bearer s3cret-key", "X-Y": 'say "s3cret"'}
    row = Component.objects.create(id="comp_h", name="H", type="http", config={"url": service.url, "headers": headers})
    page = press(editor, row)
    [(got, body)] = service.requests
    assert got["Authorization"] == "Bearer s3cret-key"
    assert body == {"context_id": "test", "type": "test", "data": {}}
    assert "It works." in page
    assert "s3cret" not in page
    assert HIDDEN in page


def test_a_private_address_is_refused_as_for_a_context(editor, service, settings):
    settings.HTTP_ALLOW_PRIVATE = False
    row = Component.objects.create(id="comp_h", name="H", type="http", config={"url": service.url})
    assert "It does not work: Address not allowed" in press(editor, row)
    assert service.requests == []


def test_what_never_answers_is_left_after_the_time(editor, service, monkeypatch):
    monkeypatch.setattr("components.probes.PROBE_SECONDS", 0.2)
    service.is_silent = True
    row = Component.objects.create(id="comp_h", name="H", type="http", config={"url": service.url})
    assert "It does not work: No answer in time" in press(editor, row)


def test_a_component_that_breaks_is_told_too(editor, monkeypatch):
    async def broken(self: ComponentType, tools: object) -> str:
        raise ZeroDivisionError("so it is")

    monkeypatch.setattr("components.builtin.ai_generator.AiGenerator.probe", broken)
    page = press(editor, writer())
    assert "Component broke" in page
    assert "ZeroDivisionError: so it is" in page


def test_a_component_that_asks_nobody_says_where_it_can_be_seen(editor):
    row = writer(type="transformer", config={})
    assert "nothing to reach" in press(editor, row)
    assert not LogEntry.objects.exists()


def test_one_test_at_a_time(editor, model_server):
    row = writer()
    with one_at_a_time(f"probe:{row.pk}", ""):
        assert "is being tested at this moment" in press(editor, row)
    assert model_server.calls == 0


@pytest.mark.parametrize(("role", "is_bound"), [(Role.OPERATOR, False), (Role.AUDITOR, False), (Role.EDITOR, True)])
def test_who_may_not_change_a_setting_does_not_test_it(logged_in, organization: Organization, role, is_bound):
    row = writer()
    client = logged_in(role, organization if is_bound else None)
    assert client.get(f"{LIST}{row.pk}/test/").status_code == 403
    assert client.post(f"{LIST}{row.pk}/test/").status_code == 403
    assert "/test/" not in client.get(f"{LIST}{row.pk}/change/").content.decode()
