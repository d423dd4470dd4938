"""The task: one context through its three steps."""

import asyncio
import os
from functools import cache
from typing import Any

from base import clock
from components.adapters import Toolbox
from components.builtin.ai_generator import AiGenerator, AiGeneratorConfig
from components.builtin.template import TemplateComponent, TemplateConfig
from components.builtin.transformer import Transformer, TransformerConfig
from components.contract import ContextView, StepNotes
from contexts.models import Context
from contexts.states import Status

# queries run in the loop's own thread: the plain way has nothing beside it that could be held up
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

STEPS = (
    TemplateComponent(TemplateConfig()),
    AiGenerator(AiGeneratorConfig()),
    Transformer(TransformerConfig()),
)


@cache
def loop() -> asyncio.AbstractEventLoop:
    """Return the one event loop of this process; the model client's connections live in it."""
    return asyncio.new_event_loop()


@cache
def toolbox() -> Toolbox:
    return Toolbox(_run_sync)


async def _run_sync(function: Any, *args: Any) -> Any:
    return function(*args)


def work(context_id: str) -> None:
    """Run a context; what each step made is saved before the next one starts."""
    loop().run_until_complete(_work(context_id))


async def _work(context_id: str) -> None:
    context = Context.objects.get(pk=context_id)
    context.status, context.started_at = Status.PROCESSING, clock.now()
    context.save()
    written: set[str] = set()
    for step in STEPS:
        view = ContextView(context.pk, context.type, context.data, context.metadata, frozenset(written))
        notes = StepNotes()
        tools = toolbox().tools_for(organization_id=context.organization_id, idempotency_key="", notes=notes)
        result = await step.process(view, tools)
        written |= result.keys()
        context.data = {**context.data, **result}
        context.updated_at = clock.now()
        context.save()
    context.status, context.ended_at = Status.COMPLETED, clock.now()
    context.save()
