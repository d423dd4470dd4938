"""The library over HTTP: uploads, lists, who sees what, and how files are served."""

from io import BytesIO
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from rest_framework.test import APIClient

from media_app.models import Asset
from tests.media_app import images
from users.access import Scope
from users.services import apikey_create

pytestmark = pytest.mark.django_db


def upload(api: APIClient, data: bytes | None = None, name: str = "a.png", type: str = "image/png", **fields: Any):
    file = SimpleUploadedFile(name, images.image() if data is None else data, type)
    return api.post("/api/media", {"file": file, "title": "A picture", **fields})


def client_with(organization, *scopes: Scope) -> APIClient:
    _, secret = apikey_create(name="x", organization=organization, scopes=scopes)
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def body_of(response) -> bytes:
    return b"".join(response.streaming_content)


def stored_files() -> list[str]:
    return default_storage.listdir("")[1] if default_storage.exists("") else []


def test_an_upload_is_answered_with_what_was_stored(api):
    response = upload(api, alt="Red and blue", tags="Sea, Deep  Blue,sea")
    assert response.status_code == 201
    document = response.json()
    asset = Asset.objects.get()
    assert document == {
        "id": asset.pk,
        "url": f"http://testserver/media/{asset.pk}.png",
        "thumbnail_url": f"http://testserver/media/{asset.pk}_small.webp",
        "title": "A picture",
        "alt": "Red and blue",
        "tags": ["sea", "deep blue"],
        "content_type": "image/png",
        "size_bytes": default_storage.size(asset.file),
        "width": 40,
        "height": 20,
        "created_at": document["created_at"],
    }
    assert document["created_at"].endswith("Z")
    assert api.get(f"/api/media/{asset.pk}").json() == document
    assert api.get("/api/media").json() == {"results": [document], "next": None, "previous": None}


def test_tags_may_be_repeated_fields(api):
    assert upload(api, tags=["one", "two, three"]).json()["tags"] == ["one", "two", "three"]


def test_the_clients_file_name_is_never_used(api):
    before = set(stored_files())
    document = upload(api, images.image("JPEG"), name="../../evil.php", type="image/jpeg").json()
    assert set(stored_files()) - before == {f"{document['id']}.jpg", f"{document['id']}_small.webp"}


@pytest.mark.parametrize(
    ("data", "type"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (images.image("JPEG"), "image/png"),
        (images.image()[:60], "image/png"),
        (images.gif_of_tiny_frames(5000), "image/gif"),
    ],
    ids=["svg", "liar", "truncated", "bomb"],
)
def test_a_bad_file_is_400_and_nothing_is_stored(api, data, type):
    before = stored_files()
    response = upload(api, data, type=type)
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert [error["path"] for error in response.json()["errors"]] == ["/file"]
    assert not Asset.objects.exists()
    assert stored_files() == before


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"title": " "}, "/title"),
        ({"title": "x" * 201}, "/title"),
        ({"title": "nul\x00"}, "/title"),
        ({"alt": "x" * 501}, "/alt"),
        ({"tags": "x" * 51}, "/tags/0"),
        ({"tags": "fine, a|b"}, "/tags/1"),
        ({"tags": ",".join(map(str, range(31)))}, "/tags"),
        ({"colour": "red"}, "/colour"),
        ({"second": SimpleUploadedFile("b.png", images.image())}, "/second"),
    ],
)
def test_a_bad_field_is_400_with_its_path(api, fields, path):
    response = upload(api, **fields)
    assert response.status_code == 400
    assert path in [error["path"] for error in response.json()["errors"]]
    assert not Asset.objects.exists()


def test_a_form_without_a_file_is_400(api):
    response = api.post("/api/media", {"title": "x", "file": "just text"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["path"] == "/file"


def test_a_json_body_is_415(api):
    assert api.post("/api/media", {"title": "x"}, format="json").status_code == 415


def test_a_file_over_the_limit_is_413(api, settings):
    settings.MEDIA_MAX_BYTES = 10_000
    response = upload(api, images.image() + b"x" * 5_000_000)
    assert response.status_code == 413
    assert response.json()["type"] == "/problems/too-large"
    assert not Asset.objects.exists()


def test_a_person_uploads_with_the_admins_session(administrator, settings):
    settings.MEDIA_MAX_BYTES = 10_000
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(administrator)
    assert upload(client).status_code == 403
    client.get("/admin/media_app/asset/")
    token = client.cookies["csrftoken"].value
    client.credentials(HTTP_X_CSRFTOKEN=token)
    assert upload(client).status_code == 201
    assert upload(client, images.image() + b"x" * 5_000_000).status_code == 413
    asset = Asset.objects.get()
    assert asset.uploaded_by == administrator
    assert asset.organization is None


def test_scopes_are_asked_for(organization):
    reader, writer = client_with(organization, Scope.MEDIA_READ), client_with(organization, Scope.MEDIA_WRITE)
    assert upload(reader).status_code == 403
    document = upload(writer).json()
    assert reader.get(f"/api/media/{document['id']}").status_code == 200
    assert writer.get(f"/api/media/{document['id']}").status_code == 403
    assert writer.get("/api/media").status_code == 403
    assert upload(APIClient()).status_code == 401


def test_an_organization_sees_its_own_and_the_shared(api, add, other):
    own, shared, theirs = add("Own"), add("Shared", owner=None), add("Theirs", owner=other)
    listed = [item["id"] for item in api.get("/api/media").json()["results"]]
    assert listed == [shared.pk, own.pk]
    assert api.get(f"/api/media/{theirs.pk}").status_code == 404
    assert api.get("/api/media/media_none").status_code == 404


def test_lists_are_filtered_and_paged(api, add):
    for number in range(5):
        add(f"Whale {number}", ["sea", "odd" if number % 2 else "even"])
    add("Tree", ["land"])

    def titles(query: str) -> list[str]:
        return [item["title"] for item in api.get(f"/api/media?{query}").json()["results"]]

    assert titles("tag=sea&tag=odd") == ["Whale 3", "Whale 1"]
    assert titles("tag=sea,even&q=wha") == ["Whale 4", "Whale 2", "Whale 0"]
    assert titles("q=nothing") == []
    assert api.get("/api/media?colour=red").json()["errors"][0]["path"] == "?colour"
    first = api.get("/api/media?q=whale&limit=3").json()
    second = api.get(first["next"]).json()
    assert [item["title"] for item in first["results"] + second["results"]] == [f"Whale {n}" for n in (4, 3, 2, 1, 0)]
    assert second["next"] is None


def test_files_are_served_so_that_nothing_in_them_can_run(api):
    document = upload(api, images.image("JPEG"), type="image/jpeg").json()
    response = Client().get(document["url"])
    assert response.status_code == 200
    assert response["Content-Type"] == "image/jpeg"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'"
    assert response["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response["Content-Length"] == str(document["size_bytes"])
    with Image.open(BytesIO(body_of(response))) as served:
        assert served.format == "JPEG"
    small = Client().get(document["thumbnail_url"])
    assert small["Content-Type"] == "image/webp"
    assert body_of(small).startswith(b"RIFF")


def test_a_deactivated_image_is_still_served_but_no_longer_listed(api):
    document = upload(api).json()
    Asset.objects.update(is_active=False)
    assert body_of(Client().get(document["url"]))
    assert api.get("/api/media").json()["results"] == []


@pytest.mark.parametrize(
    "name",
    [
        "media_01ARZ3NDEKTSV4RRFFQ69G5FAV.png",
        "secret_key",
        "..%2fsecret_key",
        "../secret_key",
        "%2e%2e/draftline.sqlite3",
        "media_01ARZ3NDEKTSV4RRFFQ69G5FAV.svg",
        "media_01ARZ3NDEKTSV4RRFFQ69G5FAV.png%0a",
        "a%00b.png",
        "",
    ],
)
def test_any_other_name_is_404(db, name):
    assert Client().get(f"/media/{name}").status_code == 404


def test_a_file_is_only_read(api):
    assert Client().post(upload(api).json()["url"]).status_code == 405


def test_a_file_is_only_read_and_a_stranger_is_told_in_the_shape_of_all_errors(client):
    refused = client.post("/media/media_none.png")
    assert (refused.status_code, refused["Content-Type"], refused["Allow"]) == (
        405,
        "application/problem+json",
        "GET, HEAD",
    )
    assert client.get("/media/media_none.png")["Content-Type"] == "application/problem+json"
