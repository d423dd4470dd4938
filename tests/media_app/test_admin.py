"""The library in the admin: who may do what, uploads with errors beside the field, what happens to files."""

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from media_app.models import Asset
from tests.media_app import images
from users.access import Role
from users.models import User

pytestmark = pytest.mark.django_db
LIST = "/admin/media_app/asset/"


def logged_in(role: Role, organization=None) -> Client:
    person = User.objects.create_user(f"{role}", "x", role=role, organization=organization)
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def editor() -> Client:
    return logged_in(Role.EDITOR)


def form(**fields):
    return {"title": "A picture", "alt": "", "tags": "", "organization": "", "is_active": "on", **fields}


def png(data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("a.png", images.image() if data is None else data, "image/png")


def test_an_editor_uploads_an_image_and_sees_it(editor):
    response = editor.post(f"{LIST}add/", form(upload=png(), tags="Sea,  Blue "), follow=True)
    asset = Asset.objects.get()
    assert asset.tags == ["sea", "blue"]
    assert asset.uploaded_by == User.objects.get(username="editor")
    assert default_storage.exists(asset.file)
    assert asset.thumbnail in response.content.decode()
    page = editor.get(f"{LIST}{asset.pk}/change/").content.decode()
    assert f"/media/{asset.file}" in page
    assert 'value="sea, blue"' in page


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"upload": png(b"<svg/>")}, "upload", "PNG, JPEG, WebP or GIF"),
        ({"upload": png(images.image("JPEG"))}, "upload", "said to be image/png"),
        ({"upload": png(images.png_bomb(20_000, 20_000))}, "upload", "at most 40000000"),
        ({"upload": png(images.image()[:70])}, "upload", "cut short"),
        ({}, "upload", "required"),
        ({"upload": png(), "title": ""}, "title", "required"),
        ({"upload": png(), "tags": "a|b"}, "tags", "no comma and no bar"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(editor, fields, field, words):
    response = editor.post(f"{LIST}add/", form(**fields))
    assert response.status_code == 200
    assert words in " ".join(response.context["adminform"].form.errors[field])
    assert not Asset.objects.exists()


def test_a_file_over_the_limit_is_an_error_beside_the_field(editor, settings):
    settings.MEDIA_MAX_BYTES = 50
    response = editor.post(f"{LIST}add/", form(upload=png()))
    assert "larger than 50 bytes" in response.context["adminform"].form.errors["upload"][0]


def test_an_edit_changes_the_words_and_not_the_file(editor, add):
    asset = add("Old", ["old"])
    editor.post(f"{LIST}{asset.pk}/change/", form(title="New", tags="new", organization="org_test"))
    changed = Asset.objects.get()
    assert (changed.title, changed.tags, changed.file, changed.sha256) == ("New", ["new"], asset.file, asset.sha256)
    assert "|new|" in changed.search_text
    assert changed.is_active


def test_the_search_finds_words_of_title_alt_and_tags(editor, add):
    add("A whale", ["deep sea"], alt="Blue")
    add("A tree")
    for words in ("WHALE", "deep", "blue sea"):
        page = editor.get(LIST, {"q": words}).content.decode()
        assert "A whale" in page
        assert "A tree" not in page


def test_a_selection_is_deactivated_and_activated(editor, add):
    asset = add("A picture")
    for action, active in (("deactivate", False), ("activate", True)):
        editor.post(LIST, {"action": action, "_selected_action": [asset.pk]})
        assert Asset.objects.get().is_active is active
    assert default_storage.exists(asset.file)


def test_only_an_administrator_removes_an_image_and_its_files_go_too(editor, add, administrator):
    asset = add("A picture")
    delete = f"{LIST}{asset.pk}/delete/"
    assert editor.post(delete, {"post": "yes"}).status_code == 403
    client = Client()
    client.force_login(administrator)
    assert client.post(delete, {"post": "yes"}).status_code == 302
    assert not Asset.objects.exists()
    assert not default_storage.exists(asset.file)
    assert not default_storage.exists(asset.thumbnail)


def test_a_selection_that_is_removed_takes_its_files_along(add, administrator):
    asset = add("A picture")
    client = Client()
    client.force_login(administrator)
    client.post(LIST, {"action": "delete_selected", "_selected_action": [asset.pk], "post": "yes"})
    assert not Asset.objects.exists()
    assert not default_storage.exists(asset.file)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR])
def test_others_only_look(role, add):
    asset = add("A picture")
    client = logged_in(role)
    assert client.get(LIST).status_code == 200
    assert client.get(f"{LIST}{asset.pk}/change/").status_code == 200
    assert client.post(f"{LIST}{asset.pk}/change/", form(title="New")).status_code == 403
    assert client.get(f"{LIST}add/").status_code == 403
    client.post(LIST, {"action": "deactivate", "_selected_action": [asset.pk]})
    assert Asset.objects.get().is_active


def test_staff_of_one_organization_keep_to_its_images(add, organization, other):
    own, shared, theirs = add("Own"), add("Shared", owner=None), add("Theirs", owner=other)
    client = logged_in(Role.EDITOR, organization)
    page = client.get(LIST).content.decode()
    assert own.pk in page
    assert shared.pk in page
    assert theirs.pk not in page
    assert client.get(f"{LIST}{theirs.pk}/change/").status_code == 302
    assert client.post(f"{LIST}{shared.pk}/change/", form(title="Mine now")).status_code == 403
    client.post(LIST, {"action": "deactivate", "_selected_action": [own.pk, shared.pk, theirs.pk]})
    assert set(Asset.objects.filter(is_active=False)) == {own}
    assert "Empty: every organization uses it" not in client.get(f"{LIST}add/").content.decode()
    assert "Empty: every organization uses it" in logged_in(Role.ADMINISTRATOR).get(f"{LIST}add/").content.decode()
    client.post(f"{LIST}add/", form(upload=png(), organization=other.pk))
    assert Asset.objects.latest("pk").organization == organization
    client.post(f"{LIST}{own.pk}/change/", form(title="Kept", organization=other.pk))
    own.refresh_from_db()
    assert (own.title, own.organization) == ("Kept", organization)


def test_a_tag_narrows_the_list_and_each_tag_leads_there(editor, add):
    add("A whale", ["deep sea", "blue"])
    add("A tree", ["green"])
    page = editor.get(LIST)
    assert 'href="?tag=deep+sea"' in page.content.decode()
    found = editor.get(LIST, {"tag": "deep sea"})
    assert [asset.title for asset in found.context["cl"].result_list] == ["A whale"]
    (offered,) = (spec for spec in found.context["cl"].filter_specs if spec.title == "tag")
    assert [name for name, _ in offered.lookup_choices] == ["blue", "deep sea", "green"]


def test_tags_of_another_organization_are_not_offered(add, organization, other):
    add("Theirs", ["secret"], owner=other)
    add("Own", ["sea"])
    assert "secret" not in logged_in(Role.EDITOR, organization).get(LIST).content.decode()


def test_an_image_that_nothing_shows_says_so(editor, add):
    page = editor.get(f"{LIST}{add('A picture').pk}/change/").content.decode()
    assert "No completed context shows it" in page
    assert "not used" in editor.get(LIST).content.decode()
