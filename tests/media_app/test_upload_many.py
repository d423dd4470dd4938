"""Many images at once: each is checked by itself, and the page says what became of each."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from media_app.admin.upload_page import MOST_FILES, title_of_file
from media_app.models import Asset
from tests.media_app import images
from users.access import Role
from users.models import Organization, User

pytestmark = pytest.mark.django_db


def logged_in(role: Role, organization: Organization | None = None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user(role.value, "x", role=role, organization=organization))
    return client


def file(name: str, data: bytes | None = None, content_type: str = "image/png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, images.image() if data is None else data, content_type)


@pytest.fixture
def page_address() -> str:
    return "/admin/media_app/asset/upload_many/"


def test_the_good_ones_are_stored_and_each_bad_one_says_what_is_wrong(page_address, organization):
    client = logged_in(Role.EDITOR)
    files = [
        file("blue-whale_02.png"),
        file("page.png", b"<html>"),
        file("photo.jpg", images.image("JPEG"), "image/jpeg"),
        file("cut.png", images.image()[:70]),
    ]
    page = client.post(page_address, {"files": files, "tags": "Sea,  Blue ", "organization": organization.pk})
    text = page.content.decode()
    assert "2 of 4 stored" in text
    assert [outcome.name for outcome in page.context["outcomes"] if outcome.why_not] == ["page.png", "cut.png"]
    assert "PNG, JPEG, WebP or GIF" in text
    assert "cut short" in text
    stored = Asset.objects.order_by("pk")
    assert [(asset.title, asset.tags) for asset in stored] == [
        ("Blue whale 02", ["sea", "blue"]),
        ("Photo", ["sea", "blue"]),
    ]
    assert {asset.organization for asset in stored} == {organization}
    assert {asset.uploaded_by for asset in stored} == {User.objects.get()}


def test_what_is_wrong_with_all_of_them_is_said_before_any_is_stored(page_address, settings):
    client = logged_in(Role.EDITOR)
    assert (
        "no comma and no bar" in client.post(page_address, {"files": [file("a.png")], "tags": "a|b"}).content.decode()
    )
    assert "Choose at least one image." in client.post(page_address, {"tags": ""}).content.decode()
    many = [file(f"{n}.png") for n in range(MOST_FILES + 1)]
    assert f"At most {MOST_FILES} at once" in client.post(page_address, {"files": many, "tags": ""}).content.decode()
    assert not Asset.objects.exists()
    settings.MEDIA_MAX_BYTES = 50
    page = client.post(page_address, {"files": [file("a.png")], "tags": ""}).content.decode()
    assert "larger than 50 bytes" in page


def test_a_form_beyond_the_limit_stores_nothing_and_says_so(page_address, settings):
    client = logged_in(Role.EDITOR)
    settings.KEPT_BODY_BYTES = 1000
    address = f"{page_address}?from=list"
    answer = client.post(address, {"files": [file("a.png"), file("b.png", bytes(1000))], "tags": ""}, follow=True)
    assert answer.redirect_chain == [(address, 302)]
    assert "at most 1000\xa0bytes are taken at once. Nothing was stored" in answer.content.decode()
    assert not Asset.objects.exists()
    assert "1 of 1 stored" in client.post(page_address, {"files": [file("a.png")], "tags": ""}).content.decode()


def test_staff_of_an_organization_upload_for_it_alone(page_address, organization, other):
    client = logged_in(Role.EDITOR, organization)
    assert 'name="organization"' not in client.get(page_address).content.decode()
    client.post(page_address, {"files": [file("a.png")], "tags": "", "organization": other.pk})
    assert Asset.objects.get().organization == organization


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR])
def test_who_may_not_add_uploads_nothing(page_address, role):
    client = logged_in(role)
    assert client.get(page_address).status_code == 403
    assert client.post(page_address, {"files": [file("a.png")], "tags": ""}).status_code == 403
    assert not Asset.objects.exists()
    assert "upload_many" not in client.get("/admin/media_app/asset/").content.decode()


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("blue-whale_02.jpg", "Blue whale 02"),
        ("C:\\pictures\\sea.png", "C:\\pictures\\sea"),
        ("../../etc/passwd", "Passwd"),
        ("---.png", "Untitled"),
        ("x" * 500 + ".png", "X" + "x" * 199),
        ("<b>.png", "<b>"),
    ],
)
def test_a_title_is_made_of_the_files_name(name, title):
    assert title_of_file(name) == title
