"""Draftline's three components without Draftline: the template from the samples, the model through `openai`."""

import json
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar, cast

from openai import OpenAI

from benchmarks.model_server import MODEL
from benchmarks.peers.variables import MODEL_URL
from components.builtin.ai_generator import AiGenerator, AiGeneratorConfig
from components.builtin.template import TemplateComponent, TemplateConfig
from components.builtin.transformer import Transformer, TransformerConfig
from components.contract import (
    Component,
    ContextView,
    FoundTemplate,
    ModelAnswer,
    ModelProvider,
    ModelRequest,
    StepNotes,
    Tools,
)
from components.providers.openai import OpenAiProvider

SAMPLES = Path(__file__).resolve().parents[2] / "contexts" / "samples" / "templates.json"
STEPS: dict[str, Component[Any]] = {
    "template": TemplateComponent(TemplateConfig()),
    "ai_generator": AiGenerator(AiGeneratorConfig()),
    "transformer": Transformer(TransformerConfig()),
}

T = TypeVar("T")


class _Templates:
    """Finds the one template; costs nothing, unlike Draftline's, which asks the database now and then."""

    def __init__(self) -> None:
        sample = json.loads(SAMPLES.read_text(encoding="utf-8"))[0]
        self._found = FoundTemplate(id=sample["id"], version=1, structure=sample["structure"])

    async def find(
        self, *, type: str, tone: str = "", audience: str = "", template_id: str | None = None
    ) -> FoundTemplate:
        return self._found


TEMPLATES = _Templates()


class _Models:
    def __init__(self, provider: ModelProvider) -> None:
        self._provider = provider

    def get(self, name: str | None) -> ModelProvider:
        return self._provider


class BlockingOpenAi:
    """The `openai` client for threads: ``generate`` never lets go of its thread before it has the answer."""

    def __init__(self) -> None:
        self._client = OpenAI(api_key="bench", base_url=os.environ[MODEL_URL], max_retries=0)

    async def generate(self, request: ModelRequest) -> ModelAnswer:
        schema = {"name": "content", "strict": True, "schema": request.schema}
        answer = self._client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "system", "content": request.system}, {"role": "user", "content": request.prompt}],
            response_format={"type": "json_schema", "json_schema": cast(Any, schema)},
            temperature=request.temperature,
            max_tokens=request.max_tokens,
            timeout=request.timeout_seconds,
        )
        usage = answer.usage
        assert usage is not None
        text = answer.choices[0].message.content or ""
        return ModelAnswer(text, answer.model, usage.prompt_tokens, usage.completion_tokens)


def async_openai() -> OpenAiProvider:
    """Return the provider that Draftline uses."""
    return OpenAiProvider(api_key="bench", base_url=os.environ[MODEL_URL], default_model=MODEL)


def make_tools(provider: ModelProvider) -> Tools:
    unused = cast(Any, None)
    return Tools(
        templates=TEMPLATES, media=unused, http=unused, models=_Models(provider), idempotency_key="", notes=StepNotes()
    )


async def run_step(name: str, context_id: str, data: dict[str, Any], provider: ModelProvider) -> dict[str, Any]:
    """Run a step; return the data with what it added."""
    written = frozenset({"template"} & data.keys())
    view = ContextView(context_id, "article", data, {}, written)
    return {**data, **await STEPS[name].process(view, make_tools(provider))}


def run_blocking(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return cast(T, stop.value)
    raise RuntimeError("this coroutine waits for something")
