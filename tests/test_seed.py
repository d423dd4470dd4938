"""The user's own four documents: posted as the first, seen as the second and third, finished as the fourth."""

import json
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from base import database_clock
from contexts.engine.job import Job, Write
from contexts.engine.run import run_drain
from contexts.engine.store import Store
from tests.fakes.openai_server import FakeOpenAi, answer

SEED = Path(__file__).parent / "seed"
# when the seed's documents say that things happened
CREATED, PICKED_UP = "2023-05-15T10:30:00Z", "2023-05-15T10:31:00Z"
CHECKPOINTS = ["2023-05-15T10:31:05Z", "2023-05-15T10:32:15Z", "2023-05-15T10:33:05Z"]

# What spec section 2 and 5 add to the seed's documents.
EXTRA_TOP = {
    *("error", "attempts", "retry_count", "next_retry_at", "waiting_for", "revision", "priority", "batch_id"),
    *("organization_id", "user_id", "metadata"),
}
EXTRA_PATHS = {"data.template.version", "data.usage", "processing.component_timings"}


def seed(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((SEED / name).read_text())
    return document


def paths_of(value: Any, path: str = "") -> dict[str, str]:
    """Return every key path with its kind of value; list items share one path."""
    if isinstance(value, dict):
        found = {path: "object"} if path else {}
        for key, item in value.items():
            found |= paths_of(item, f"{path}.{key}" if path else key)
        return found
    if isinstance(value, list):
        found = {path: "list"}
        for item in value:
            found |= paths_of(item, f"{path}[]")
        return found
    return {path: "number" if isinstance(value, int | float) else type(value).__name__}


def assert_has_shape(document: dict[str, Any], expected: dict[str, Any]) -> None:
    """Every key path of the seed's document with the same kind of value, and no others but the named ones."""
    ours, theirs = paths_of(document), paths_of(expected)
    assert {path: ours.get(path) for path in theirs} == theirs
    extra = {path for path in ours if path not in theirs and path.partition(".")[0] not in EXTRA_TOP}
    assert not {path for path in extra if not path.startswith(tuple(EXTRA_PATHS))}


class ObservedStore(Store):
    """After each durable checkpoint, sees the context as a client does, and sets the clock to the next one."""

    def __init__(
        self, *, clock: time_machine.Traveller, api: APIClient, seen: list[dict[str, Any]], patience_seconds: float
    ) -> None:
        super().__init__(patience_seconds=patience_seconds)
        self.clock, self.api, self.seen = clock, api, seen

    async def claim(self, token: str, **options: Any) -> list[Job]:
        jobs = await super().claim(token, **options)
        if jobs:
            self.clock.move_to(datetime.fromisoformat(CHECKPOINTS[0]))
        return jobs

    async def commit(self, write: Write) -> None:
        await super().commit(write)
        self.seen.append(await self.run(self._get, write.context_id))
        if len(self.seen) < len(CHECKPOINTS):
            self.clock.move_to(datetime.fromisoformat(CHECKPOINTS[len(self.seen)]))

    def _get(self, context_id: str) -> dict[str, Any]:
        document: dict[str, Any] = self.api.get(f"/api/contexts/{context_id}").json()
        return document


@pytest.fixture
def model_server():
    with FakeOpenAi() as server:
        yield server


@pytest.fixture
def _clock_of_the_test(monkeypatch):
    """No database's clock rules: nobody can set that to 2023."""
    monkeypatch.setattr(database_clock, "has_own_clock", lambda: False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_clock_of_the_test")
def test_the_seeds_first_document_passes_through_the_others(api, model_server, settings):
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, settings.OPENAI_MODEL = "key", model_server.base_url, "gpt-4"
    call_command("loadsamples", verbosity=0)
    model_server.default = answer(model="gpt-4")
    with time_machine.travel(datetime.fromisoformat(CREATED), tick=False) as traveller:
        posted = api.post("/api/contexts", seed("1-initial.json"), format="json")
        assert posted.status_code == 201, posted.json()
        traveller.move_to(datetime.fromisoformat(PICKED_UP))

        seen: list[dict[str, Any]] = []
        run_drain(until_idle=True, make_store=partial(ObservedStore, clock=traveller, api=api, seen=seen))
        after_template, after_ai_generator, final = seen
        fetched = api.get(f"/api/contexts/{posted.json()['id']}").json()

    assert_has_shape(posted.json(), seed("1-initial.json"))
    assert_has_shape(after_template, seed("2-after-template.json"))
    assert_has_shape(after_ai_generator, seed("3-after-ai-generator.json"))
    assert_has_shape(final, seed("4-final.json"))
    assert fetched == final

    for ours, theirs in [
        (posted.json(), seed("1-initial.json")),
        (after_template, seed("2-after-template.json")),
        (after_ai_generator, seed("3-after-ai-generator.json")),
        (final, seed("4-final.json")),
    ]:
        assert_same_values(ours, theirs)


def assert_same_values(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """All values are the seed's own, but for the id, and for counts of a text that the seed shortened with dots."""
    for key in ("type", "status", "pipeline", "created_at", "updated_at"):
        assert ours[key] == theirs[key]
    for key, value in theirs.get("processing", {}).items():
        assert ours["processing"][key] == value
    assert_same_data(ours["data"], theirs["data"])


def assert_same_data(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    for key, value in theirs.items():
        if key == "template":
            assert {**ours[key], "version": None} == {**value, "version": None}
        elif key == "formatted_content":
            assert ours[key]["content"] == value["content"]
            assert ours[key]["format"] == value["format"]
        else:
            assert ours[key] == value


def test_seed_documents_are_the_ones_the_demo_posts(client: Client):
    posted = json.loads(Path("contexts/samples/demo-context.json").read_text())
    assert posted == seed("1-initial.json")
