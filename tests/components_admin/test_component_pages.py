"""Component settings in the admin: a form that the schema draws, sparse values, faults beside their fields."""

import html

import pytest

from components.models import Component, Pipeline
from users.access import Role
from users.models import Organization

pytestmark = pytest.mark.django_db
LIST = "/admin/components/component/"


def writer(**fields) -> Component:
    facts = {"id": "comp_writer", "name": "Writer", "type": "ai_generator", "config": {"temperature": 0.2}}
    return Component.objects.create(**{**facts, **fields})


def add(client, type_name="ai_generator", **fields):
    data = {"name": "A name", "chosen_id": "comp_new", "is_active": "on", **fields}
    return client.post(f"{LIST}add/?type={type_name}&chosen_id=comp_new", data)


def change(client, row, **fields):
    return client.post(f"{LIST}{row.pk}/change/", {"name": row.name, "is_active": "on", **fields})


def errors(response) -> dict[str, list[str]]:
    assert response.status_code == 200
    return {name: list(faults) for name, faults in response.context["adminform"].form.errors.items()}


def test_the_id_and_the_type_are_asked_first(editor):
    page = editor.get(f"{LIST}add/").content.decode()
    assert 'name="type"' in page
    assert "setting_temperature" not in page
    page = editor.get(f"{LIST}add/", {"type": "ai_generator", "chosen_id": "comp_new"}).content.decode()
    assert 'value="comp_new"' in page
    assert 'name="setting_temperature"' in page
    assert 'placeholder="0.7"' in page
    assert "0 is steady, higher is freer." in page


@pytest.mark.parametrize("chosen", ["new", "comp_", "comp_New", "comp_a__b", "comp_" + "x" * 60, "comp_taken", ""])
def test_an_id_that_does_not_serve_is_refused_before_the_settings(editor, chosen):
    writer(id="comp_taken")
    response = editor.get(f"{LIST}add/", {"type": "ai_generator", "chosen_id": chosen})
    assert response.context["form"].errors["chosen_id"]


def test_the_fields_are_named_as_people_write(editor):
    page = editor.get(f"{LIST}add/", {"chosen_id": "comp_writer", "type": "ai_generator"}).content.decode()
    assert "Input USD per million tokens" in page
    assert "Default: none" not in page  # nothing is chosen, but what holds then is not nothing
    assert "URL" in editor.get(f"{LIST}add/", {"chosen_id": "comp_hook", "type": "http"}).content.decode()


def test_only_what_was_set_is_stored(editor):
    response = add(
        editor,
        setting_temperature="0.3",
        setting_guidance="Be brief.\r\nBe kind.",
        setting_model="",
        setting_max_tokens="",
    )
    assert response.status_code == 302
    row = Component.objects.get()
    assert (row.pk, row.type, row.is_active) == ("comp_new", "ai_generator", True)
    assert row.config == {"temperature": 0.3, "guidance": "Be brief.\nBe kind."}


@pytest.mark.parametrize(
    ("type_name", "typed", "stored"),
    [
        ("transformer", {"format": "html", "toc": "False"}, {"format": "html", "toc": False}),
        ("transformer", {"toc": "True", "max_length": "900"}, {"toc": True, "max_length": 900}),
        ("transformer", {"format": "", "toc": ""}, {}),
        ("media", {"tags": "sea\r\n\r\n deep blue \r\n", "limit": "2"}, {"tags": ["sea", "deep blue"], "limit": 2}),
        (
            "http",
            {"url": "https://example.org/x", "send": "title", "timeout_seconds": "5"},
            {"url": "https://example.org/x", "send": ["title"], "timeout_seconds": 5},
        ),
    ],
)
def test_every_kind_of_field_stores_its_value(editor, type_name, typed, stored):
    response = add(editor, type_name, **{f"setting_{name}": value for name, value in typed.items()})
    assert response.status_code == 302
    assert Component.objects.get().config == stored


@pytest.mark.parametrize(
    ("type_name", "typed", "field", "words"),
    [
        ("ai_generator", {"temperature": "3"}, "temperature", "less than or equal to 2"),
        ("ai_generator", {"timeout_seconds": "0"}, "timeout_seconds", "This must be more than 0."),
        ("ai_generator", {"max_tokens": "many"}, "max_tokens", "whole number"),
        ("ai_generator", {"model": "x" * 201}, "model", "at most 200"),
        ("transformer", {"format": "pdf"}, "format", "valid choice"),
        ("media", {"tags": "fine\n" + "x" * 101}, "tags", "Line 2: At most 100 characters"),
        ("http", {}, "url", "required"),
        ("http", {"url": "nonsense"}, "url", "valid URL"),
        ("http", {"url": "https://example.org", "headers": "no colon"}, "headers", "Line 1"),
        ("http", {"url": "https://example.org", "result_key": "Bad Key"}, "result_key", "Use lower-case letters"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(editor, type_name, typed, field, words):
    response = add(editor, type_name, **{f"setting_{name}": value for name, value in typed.items()})
    assert words in " ".join(errors(response)[f"setting_{field}"])
    assert not Component.objects.exists()


def test_every_fault_is_told_at_once(editor):
    found = errors(add(editor, setting_temperature="3", setting_timeout_seconds="0", setting_max_tokens="x"))
    assert set(found) == {"setting_temperature", "setting_timeout_seconds", "setting_max_tokens"}
    assert all(len(faults) == 1 for faults in found.values())
    assert set(errors(add(editor, "http", setting_timeout_seconds="0"))) == {"setting_url", "setting_timeout_seconds"}


def test_a_save_without_a_touch_changes_nothing_that_is_stored(editor):
    config = {"url": "https://example.org", "headers": {}, "send": [], "timeout_seconds": 30, "result_key": "answer"}
    row = writer(type="http", config=config)
    form = editor.get(f"{LIST}{row.pk}/change/").context["adminform"].form
    typed = {name: form[name].value() or "" for name in form.fields if name.startswith("setting_")}
    typed = {name: form.fields[name].prepare_value(value) for name, value in typed.items()}
    assert change(editor, row, **typed).status_code == 302
    row.refresh_from_db()
    assert row.config == config


def test_the_type_stays_and_settings_can_be_unset(editor):
    row = writer()
    page = editor.get(f"{LIST}{row.pk}/change/").content.decode()
    assert 'value="0.2"' in page
    assert change(editor, row, type="media", setting_temperature="").status_code == 302
    row.refresh_from_db()
    assert (row.type, row.config) == ("ai_generator", {})


def test_a_save_from_an_old_page_is_refused(editor):
    row = writer()
    seen = editor.get(f"{LIST}{row.pk}/change/").context["adminform"].form["seen"].value()
    assert change(editor, row, setting_temperature="1", seen=seen).status_code == 302
    assert "Somebody else" in str(errors(change(editor, row, setting_temperature="2", seen=seen)))
    row.refresh_from_db()
    assert row.config == {"temperature": 1}


def test_the_pages_say_which_pipelines_use_it_and_keep_it_from_being_removed(editor):
    row = writer()
    Pipeline.objects.create(id="pipe_a", name="The article", steps=["template", ["comp_writer", "media"]])
    assert "The article" in editor.get(LIST).content.decode()
    assert "The article" in editor.get(f"{LIST}{row.pk}/change/").content.decode()
    editor.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})
    editor.post(LIST, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert Component.objects.filter(pk=row.pk).exists()
    Pipeline.objects.all().delete()
    editor.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})
    assert not Component.objects.exists()


def test_switching_off_a_component_names_the_pipelines_that_break(editor):
    row = writer()
    Pipeline.objects.create(id="pipe_a", name="The article", steps=["comp_writer"])
    response = editor.post(f"{LIST}{row.pk}/change/", {"name": "Writer"}, follow=True)
    row.refresh_from_db()
    assert not row.is_active
    assert "The pipeline The article (pipe_a) can no longer be used" in html.unescape(response.content.decode())


def test_settings_of_a_type_that_is_gone_are_shown_and_left_alone(editor):
    row = writer(type="uninstalled", config={"a": 1})
    assert editor.get(f"{LIST}{row.pk}/change/").status_code == 200
    assert "no component type" in str(errors(change(editor, row)))
    row.refresh_from_db()
    assert row.config == {"a": 1}


def test_a_setting_that_the_component_no_longer_has_is_announced_and_removed(editor):
    row = writer(config={"temperature": 0.2, "long_gone": True})
    assert "long_gone" in editor.get(f"{LIST}{row.pk}/change/").content.decode()
    assert change(editor, row, setting_temperature="0.2").status_code == 302
    row.refresh_from_db()
    assert row.config == {"temperature": 0.2}


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR])
def test_others_only_look_and_see_no_secret(logged_in, role):
    row = writer(type="http", config={"url": "https://example.org", "headers": {"Authorization": "Bearer s3cret"}})
    client = logged_in(role)
    page = client.get(f"{LIST}{row.pk}/change/").content.decode()
    assert "https://example.org" in page
    assert "Authorization" in page
    assert "s3cret" not in page
    assert client.get(LIST).status_code == 200
    assert client.get(f"{LIST}add/").status_code == 403
    assert change(client, row).status_code == 403
    assert client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_staff_of_one_organization_only_look(logged_in, organization):
    row = writer()
    other = Organization.objects.create(id="org_other", name="Other")
    for name, owner in (("Ours", organization), ("Shared", None), ("Theirs", other)):
        Pipeline.objects.create(name=name, steps=["comp_writer"], organization=owner)
    client = logged_in(Role.EDITOR, organization)
    for address in (LIST, f"{LIST}{row.pk}/change/"):
        page = client.get(address).content.decode()
        assert ">Ours<" in page
        assert ">Shared<" in page
        assert "Theirs" not in page
    assert change(client, row).status_code == 403
    assert add(client).status_code == 403
