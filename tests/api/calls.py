"""How tests talk to the API."""

import json
from typing import Any

from rest_framework.test import APIClient

from tests.conftest import SEED
from users.access import Scope
from users.models import Organization
from users.services import apikey_create

SEED_DOCUMENT: dict[str, Any] = json.loads((SEED / "1-initial.json").read_text())
MINIMAL: dict[str, Any] = {"type": "article", "pipeline": ["template"]}
PROBLEM = "application/problem+json"


def client_of(organization: Organization, *scopes: str) -> APIClient:
    """A client with a key that may do just that; with no scope named, everything."""
    made = apikey_create(name="tests", organization=organization, scopes=scopes or [scope.value for scope in Scope])
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {made[1]}")
    return client


def post(client: APIClient, path: str, body: Any = None, **headers: str) -> Any:
    """POST JSON; bytes go as they are, None is no body at all."""
    if body is None:
        return client.post(path, headers=headers)
    content = body if isinstance(body, bytes) else json.dumps(body)
    return client.post(path, content, content_type="application/json", headers=headers)


def problem_of(answer: Any, status: int) -> dict[str, Any]:
    """The problem that the answer is; fails where it is none of this status."""
    assert answer.status_code == status, answer.content[:500]
    assert answer["Content-Type"] == PROBLEM
    document: dict[str, Any] = json.loads(answer.content)
    assert set(document) >= {"type", "title", "status", "detail", "errors"}
    assert document["status"] == status
    assert document["type"].startswith("/problems/")
    assert document["detail"]
    return document


def paths_of(answer: Any, status: int = 400) -> list[str]:
    """The places that a problem names."""
    return [fault["path"] for fault in problem_of(answer, status)["errors"]]
