"""What somebody sees who opens MongoDB without us: collections, documents and indexes that read like the seed's."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from pymongo import MongoClient

from contexts.batches import batch_submit
from contexts.engine.run import run_drain
from contexts.submission import Submitter
from tests.fakes.openai_server import FakeOpenAi, answer
from tests.test_seed import assert_same_data, paths_of, seed

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.mongodb("on SQLite there are no documents"),
]
COLLECTIONS = {
    *("contexts", "batches", "step_transcripts", "idempotency_keys", "workers", "providers"),
    *("templates", "template_versions", "components", "pipelines", "media"),
    *("users", "organizations", "api_keys"),
}
# what the seed's data flow asks for: claims, due retries, and by batch, organization, type and user
INDEXES = [
    [("status", 1), ("claim_order", 1)],
    [("status", 1), ("next_retry_at", 1), ("ended_at", 1)],
    [("batch_id", 1), ("_id", 1)],
    [("organization_id", 1), ("_id", 1)],
    [("organization_id", 1), ("type", 1), ("_id", 1)],
    [("user_id", 1)],
]


@pytest.fixture
def stored() -> Iterator[Any]:
    """The database, as any other program opens it."""
    settings = connection.settings_dict
    with MongoClient[Any](settings["HOST"]) as client:
        yield client[settings["NAME"]]


@pytest.fixture
def completed(api, settings) -> dict[str, Any]:
    """The seed's context, posted and worked to its end; the answer to the post."""
    with FakeOpenAi() as model_server:
        settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, settings.OPENAI_MODEL = "k", model_server.base_url, "gpt-4"
        model_server.default = answer(model="gpt-4")
        call_command("loadsamples", verbosity=0)
        posted = api.post("/api/contexts", seed("1-initial.json"), format="json", HTTP_IDEMPOTENCY_KEY="once")
        assert posted.status_code == 201, posted.json()
        assert run_drain(until_idle=True) == 1
    found: dict[str, Any] = posted.json()
    return found


def test_a_completed_context_is_the_seeds_last_document(completed, stored, organization):
    document, theirs = stored.contexts.find_one({"_id": completed["id"]}), seed("4-final.json")
    for key in ("type", "status", "pipeline"):
        assert document[key] == theirs[key]
    assert_same_data(document["data"], theirs["data"])
    assert paths_of(document["processing"]).items() >= paths_of(theirs["processing"]).items()
    assert document["organization_id"] == organization.pk
    assert [run["key"] for run in document["step_runs"]] == theirs["pipeline"]
    for key in ("created_at", "updated_at", "started_at", "ended_at"):
        assert isinstance(document[key], datetime), key


def test_other_programs_ask_for_what_lies_deep_in_a_document(completed, stored):
    for question in (
        {"data.keywords": "microservices"},
        {"data.generated_content.body.heading": "Key Principles"},
        {"processing.completed_components": "transformer"},
        {"step_runs": {"$elemMatch": {"key": "ai_generator", "outcome": "completed"}}},
    ):
        assert [found["_id"] for found in stored.contexts.find(question)] == [completed["id"]], question


def test_templates_pipelines_and_components_are_documents_too(completed, stored):
    template = seed("2-after-template.json")["data"]["template"]
    assert stored.templates.find_one({"_id": template["id"]})["type"] == "article"
    version = stored.template_versions.find_one({"template_id": template["id"]})
    assert version["structure"]["sections"] == template["sections"]
    assert isinstance(stored.pipelines.find_one({})["steps"], list)
    assert isinstance(stored.components.find_one({})["config"], dict)


def test_every_id_is_ours_and_reads_as_text(completed, stored, organization):
    batch_submit([{"type": "article", "pipeline": ["template"]}], submitter=Submitter(organization.pk))
    assert set(stored.list_collection_names()) >= COLLECTIONS
    for name in COLLECTIONS - {"media"}:
        ids = stored[name].distinct("_id")
        assert ids, f"{name} is empty"
        assert all(isinstance(one, str) for one in ids), name


def test_contexts_have_the_indexes_that_claims_and_lists_need(stored):
    present = [index["key"] for index in stored.contexts.index_information().values()]
    assert [wanted for wanted in INDEXES if wanted not in present] == []
