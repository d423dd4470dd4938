"""Contexts over HTTP: submit, list, read."""

import json

from contexts.models import Context
from tests.conftest import SEED

SEED_DOCUMENT = json.loads((SEED / "1-initial.json").read_text())


def post(api, body, path="/api/contexts", **headers):
    return api.post(path, json.dumps(body), content_type="application/json", headers=headers)


def test_the_seeds_document_can_be_posted_verbatim(api):
    answer = post(api, SEED_DOCUMENT)
    assert answer.status_code == 201, answer.content
    document = answer.json()
    assert document["status"] == "pending"
    assert document["data"] == SEED_DOCUMENT["data"]
    assert document["pipeline"] == SEED_DOCUMENT["pipeline"]
    assert document["id"] != SEED_DOCUMENT["id"]
    assert answer["Location"] == f"/api/contexts/{document['id']}"
    assert Context.objects.get().pk == document["id"]


def test_a_submitted_context_can_be_read(api):
    made = post(api, SEED_DOCUMENT).json()
    answer = api.get(f"/api/contexts/{made['id']}")
    assert answer.status_code == 200
    assert answer.json() == made
