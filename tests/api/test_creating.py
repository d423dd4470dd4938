"""Every route that creates does so once for one Idempotency-Key; what is special of contexts is in test_idempotency."""

import pkgutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connections
from django.db.models import Model

from contexts.models import Batch, Context
from media_app.models import Asset
from templates_app.models import Template
from tests.api.calls import MINIMAL, client_of, paths_of, post, problem_of
from tests.media_app import images

KEY = "order-17"
PICTURE, OTHER_PICTURE = images.image(), images.image(size=(41, 20))


def send_context(api, key: str = KEY, **changes: Any) -> Any:
    return post(api, "/api/contexts", {**MINIMAL, **changes}, **{"Idempotency-Key": key})


def send_bulk(api, key: str = KEY, **changes: Any) -> Any:
    return post(api, "/api/contexts/bulk", {"contexts": [MINIMAL], **changes}, **{"Idempotency-Key": key})


def send_media(api, key: str = KEY, *, picture: bytes = PICTURE, **changes: Any) -> Any:
    file = SimpleUploadedFile("a.png", picture, "image/png")
    form = {"file": file, "title": "A picture", "tags": ["sea", "fish"], **changes}
    return api.post("/api/media", form, headers={"Idempotency-Key": key})


def send_template(api, key: str = KEY, **changes: Any) -> Any:
    body = {"name": "Mail", "type": "mail", **changes}
    return post(api, "/api/templates", body, **{"Idempotency-Key": key})


@dataclass(frozen=True)
class Route:
    """A route that creates, and how to make it fail between the key and the row."""

    send: Callable[..., Any]
    model: type[Model]
    status: int
    store: str
    other: dict[str, Any]
    refused: dict[str, Any]

    def __str__(self) -> str:
        return self.send.__name__.removeprefix("send_")


ROUTES = [
    Route(send_context, Context, 201, "contexts.services.insert", {"priority": 3}, {"type": "No"}),
    Route(send_bulk, Batch, 202, "contexts.batches.insert", {"name": "x"}, {"contexts": []}),
    Route(send_media, Asset, 201, "media_app.services.insert", {"title": "Another"}, {"title": ""}),
    Route(send_template, Template, 201, "templates_app.services.insert", {"tone": "x"}, {"type": "No"}),
]
each_route = pytest.mark.parametrize("route", ROUTES, ids=str)


def fail_once(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Let the next write at ``place`` fail as a database does."""
    original = pkgutil.resolve_name(place)

    def fail(*args: Any, **kwargs: Any) -> None:
        monkeypatch.setattr(place, original)
        raise OperationalError("disk I/O error")

    monkeypatch.setattr(place, fail)


@each_route
def test_a_repeated_request_answers_with_what_the_first_one_made(api, route):
    first, again = route.send(api), route.send(api)
    assert (first.status_code, again.status_code) == (route.status, route.status), first.content
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert (again["Location"], again.json()) == (first["Location"], first.json())
    assert api.get(first["Location"]).status_code == 200
    assert route.model.objects.count() == 1


@each_route
def test_a_key_that_came_with_another_body_is_refused(api, route):
    route.send(api)
    problem_of(route.send(api, **route.other), 422)
    assert route.model.objects.count() == 1


@each_route
def test_a_refused_request_leaves_the_key_free(api, route):
    problem_of(route.send(api, **route.refused), 400)
    assert "Idempotency-Replayed" not in route.send(api)


@each_route
def test_a_crash_between_the_key_and_the_row_is_finished_by_the_next_try(api, route, monkeypatch):
    fail_once(monkeypatch, route.store)
    problem_of(route.send(api), 503)
    assert not route.model.objects.exists()
    again = route.send(api)
    assert again.status_code == route.status
    assert again["Idempotency-Replayed"] == "true"
    assert api.get(again["Location"]).status_code == 200
    assert route.model.objects.count() == 1


@each_route
def test_a_key_is_of_one_organization(api, other_organization, route):
    first, theirs = route.send(api), route.send(client_of(other_organization))
    assert "Idempotency-Replayed" not in theirs
    assert theirs["Location"] != first["Location"]


@each_route
def test_an_empty_key_is_refused(api, route):
    assert paths_of(route.send(api, "")) == ["Idempotency-Key"]
    assert not route.model.objects.exists()


@each_route
@pytest.mark.django_db(transaction=True)
def test_twins_at_the_same_moment_make_one_row(api, organization, route):
    twins = 5
    barrier = Barrier(twins)
    clients = [client_of(organization) for _ in range(twins)]

    def call(client):
        try:
            barrier.wait(timeout=20)
            return route.send(client)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(twins) as pool:
        answers = list(pool.map(call, clients))
    assert {answer.status_code for answer in answers} == {route.status}
    assert len({answer["Location"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer for answer in answers) == 1
    assert route.model.objects.count() == 1


@pytest.mark.parametrize("change", [{"picture": OTHER_PICTURE}, {"alt": "x"}, {"tags": ["sea"]}], ids=str)
def test_an_upload_is_another_if_its_bytes_or_any_field_differ(api, change):
    send_media(api)
    problem_of(send_media(api, **change), 422)


@pytest.mark.django_db(transaction=True)
def test_pictures_of_a_finished_or_doubled_upload_are_served(api, client, monkeypatch):
    fail_once(monkeypatch, "media_app.services.insert")
    send_media(api)
    document = send_media(api).json()
    for name in ("url", "thumbnail_url"):
        answer = client.get(document[name].removeprefix("http://testserver"))
        assert answer.status_code == 200
        answer.close()
