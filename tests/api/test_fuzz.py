"""Thousands of spoilt bodies through every route that takes one: no error of ours, and a refusal stores nothing."""

import json
import logging
from collections import Counter
from random import Random
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from base.openapi import Problem
from contexts.models import Batch, BatchState
from contexts.samples.loader import samples_load
from contexts.states import Status
from templates_app.models import Template
from tests.api.calls import PROBLEM, problem_of
from tests.api.mutations import Body, spoilt_form, spoilt_json
from tests.api.routes import MAKERS
from tests.api.test_bad_input import BAD_BODIES
from tests.conftest import SEED
from tests.contexts.rows import STEPS, ran_context
from tests.media_app.images import image
from tests.stores.emptying import on_mongo

# MongoDB's stand-in is slow, and what it stores is looked at after each refusal
BODIES = 300 if on_mongo() else 20_000
SEEDS = [json.loads(path.read_text()) for path in sorted(SEED.glob("*.json"))]


class Route:
    """One operation that takes a body: where it is, and bodies that were good once."""

    def __init__(self, schema: dict[str, Any], path: str, method: str, ids: dict[str, list[str]]) -> None:
        operation = schema["paths"][path][method]
        self.method, self.path, self.ids = method.upper(), path, ids
        self.statuses = set(operation["responses"])
        content = operation["requestBody"]["content"]
        self.takes_nothing = not operation["requestBody"].get("required", False)
        self.is_form = "multipart/form-data" in content
        self.documents = [*_examples(schema, content), {}]
        if not self.is_form:
            self.documents += SEEDS

    def address(self, random: Random) -> str:
        return self.path.format(**{name: random.choice(ids) for name, ids in self.ids.items()})

    def body(self, random: Random) -> Body:
        if self.is_form:
            return spoilt_form(random, {"file": image(), "title": b"A picture", "alt": b"", "tags": b"one, two"})
        return spoilt_json(random, self.documents)


def _examples(schema: dict[str, Any], content: dict[str, Any]) -> list[Any]:
    name = next(iter(content.values()))["schema"]["$ref"].rpartition("/")[2]
    part = schema["components"]["schemas"][name]
    return [part["example"]] if "example" in part else []


@pytest.fixture
def ids(organization) -> dict[str, list[str]]:
    samples_load()
    batch = Batch.objects.create(organization=organization, state=BatchState.ACCEPTED, total=2, name="x")
    statuses = (Status.FAILED, Status.FAILED, Status.COMPLETED, Status.PENDING)
    rows = [ran_context(organization, status, STEPS[:2], batch=batch) for status in statuses]
    Template.objects.update(organization=organization)  # what all share, clients may not change
    templates = [template.pk for template in Template.objects.all()]
    webhook = MAKERS["webhooks"](organization, [])
    return {
        "context_id": [row.pk for row in rows],
        "batch_id": [batch.pk],
        "id": templates,
        "webhook_id": [webhook],
        "delivery_id": [MAKERS["deliveries"](organization, [webhook])],
    }


def row_counts() -> dict[str, int]:
    return {model.__name__: model._default_manager.count() for model in apps.get_models()}


def changes() -> int | None:
    """How many rows SQLite has written on this connection; on MongoDB nobody can say."""
    return None if on_mongo() else connection.connection.total_changes


@pytest.fixture
def routes(ids) -> list[Route]:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return [
        Route(schema, path, method, ids)
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if "requestBody" in operation
    ]


@pytest.mark.parametrize("name", BAD_BODIES)
def test_every_route_refuses_a_body_that_cannot_be_read(api, routes, name):
    rows = row_counts()
    for route in routes:
        if name == "nothing" and route.takes_nothing:
            continue
        address = route.address(Random(1))
        answer = api.generic(route.method, address, BAD_BODIES[name], "application/json")
        problem_of(answer, answer.status_code)
        assert answer.status_code in (400, 413, 415), address
    assert row_counts() == rows


@pytest.mark.timeout(600)
def test_no_body_is_an_error_of_ours_and_a_refusal_stores_nothing(api, routes, caplog):
    caplog.set_level(logging.CRITICAL, "django")
    random = Random(5)
    fits = Draft202012Validator(Problem.model_json_schema()).is_valid
    statuses: Counter[int] = Counter()
    rows, written = row_counts(), changes()
    for number in range(BODIES):
        route = routes[number % len(routes)]
        address, body = route.address(random), route.body(random)
        answer = api.generic(route.method, address, body.content, body.content_type, headers=body.headers)
        what = f"{number}: {route.method} {address} {body} -> {answer.status_code} {answer.content[:300]!r}"
        assert answer.status_code < 500, what
        assert str(answer.status_code) in route.statuses, what
        statuses[answer.status_code] += 1
        if answer.status_code >= 400:
            assert answer["Content-Type"] == PROBLEM, what
            assert fits(json.loads(answer.content)), what
        if changes() != written or on_mongo():
            now = row_counts()
            assert answer.status_code < 400 or now == rows, what
            rows, written = now, changes()
    assert sum(statuses.values()) == BODIES
    assert {201, 400, 409} <= set(statuses), statuses
