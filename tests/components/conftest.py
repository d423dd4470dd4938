"""What the tests of components share: a model server, tools over the real adapters, contexts."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import pytest
from asgiref.sync import sync_to_async

from components.adapters import Toolbox
from components.contract import ContextView, StepNotes, Tools
from templates_app.models import Template
from templates_app.services import draft_publish, draft_save
from tests.conftest import SEED
from tests.fakes.openai_server import FakeOpenAi


@pytest.fixture
def model_server() -> Iterator[FakeOpenAi]:
    with FakeOpenAi() as server:
        yield server


@pytest.fixture
def seed_data() -> dict[str, Any]:
    """The data of the seed's last document, before the transformer."""
    data: dict[str, Any] = json.loads((SEED / "4-final.json").read_text())["data"]
    data.pop("formatted_content")
    return data


@pytest.fixture
async def toolbox() -> AsyncIterator[Toolbox]:
    made = Toolbox(_run_sync)
    yield made
    await made.aclose()


async def _run_sync(function: Any, /, *args: Any) -> Any:
    return await sync_to_async(function)(*args)


@pytest.fixture
def tools(toolbox: Toolbox) -> Tools:
    return toolbox.tools_for(organization_id="org_test", idempotency_key="key-1", notes=StepNotes())


# for components that use none of them
NO_TOOLS = cast(Tools, None)


def view(data: dict[str, Any], **options: Any) -> ContextView:
    """Return a context of the type article with this data."""
    return ContextView(
        **{
            "id": "ctx_1",
            "type": "article",
            "data": data,
            "organization_id": "org_test",
            "written": frozenset({"template"}),
            **options,
        }
    )


def publish(template: Template, instructions: str) -> None:
    sections = [{"type": "summary", "instructions": instructions}]
    draft_publish(draft_save(template, structure={"sections": sections}))


@pytest.fixture
def template(organization) -> Template:
    made = Template.objects.create(id="tmpl_a", name="A", type="article", is_default=True)
    publish(made, "Old")
    return made
