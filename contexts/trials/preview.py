"""What a model would be asked: a pipeline is run with a model that writes down the question.

So a preview goes the way of a real run, and whatever a component asks is seen, whoever wrote the component.
"""

from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async

from base import clock
from base.ids import new_id
from components.adapters import Toolbox
from components.building import Builder
from components.contract import FoundTemplate, ModelAnswer, ModelRequest
from components.providers.limited import CHARACTERS_PER_TOKEN
from components.providers.offline import OfflineProvider
from contexts.engine.job import Job, Lease, Write
from contexts.engine.runner import Limits, Runner
from contexts.states import Move
from contexts.trials.bench import Bench, Source

LIMITS = Limits(step_seconds=10.0, context_seconds=20.0)


@dataclass(frozen=True)
class Prompt:
    """One question to a model.

    Args:
        tokens: about how many.
    """

    system: str
    prompt: str
    model: str | None
    temperature: float
    max_tokens: int
    tokens: int


@dataclass
class Preview:
    """What came of it: the questions, and the error where the pipeline could not go on."""

    prompts: list[Prompt] = field(default_factory=list)
    error: dict[str, Any] | None = None


def preview(text: FoundTemplate, source: Source) -> Preview:
    """Return what models would be asked about an input. Stores nothing and calls nobody."""
    found: Preview = async_to_sync(_preview)(text, source)
    return found


async def _preview(text: FoundTemplate, source: Source) -> Preview:
    found = _Found()
    run_sync = sync_to_async(_call, thread_sensitive=True)
    toolbox, builder = Toolbox(run_sync), Builder(run_sync)
    bench = Bench(text, source, toolbox=toolbox, builder=builder, models=_Asked(found.preview))
    try:
        await Runner(store=found, build=bench.build, tools=bench.tools, limits=LIMITS, now=clock.now).run(
            _job(source, bench.data)
        )
    finally:
        await builder.aclose()
        await toolbox.aclose()
    return found.preview


def _call(function: Any, *args: Any) -> Any:
    return function(*args)


def _job(source: Source, data: dict[str, Any]) -> Job:
    return Job(
        id=new_id("preview"),
        lease=Lease("preview", 1),
        type=source.type,
        organization_id=source.organization_id,
        pipeline=source.pipeline,
        data=data,
        metadata=source.metadata,
        processing={},
        step_runs=[],
        started_at=clock.now(),
    )


class _Found:
    """Keeps of a run how it ended."""

    def __init__(self) -> None:
        self.preview = Preview()

    async def commit(self, write: Write) -> None:
        if write.move in (Move.FAIL, Move.RETRY_LATER):
            self.preview.error = write.values.get("error")


class _Asked:
    """Every model provider: writes the question down, and answers as the offline provider does."""

    def __init__(self, preview: Preview) -> None:
        self._preview = preview
        self._offline = OfflineProvider()

    def get(self, name: str | None) -> "_Asked":
        return self

    async def generate(self, request: ModelRequest) -> ModelAnswer:
        self._preview.prompts.append(
            Prompt(
                system=request.system,
                prompt=request.prompt,
                model=request.model,
                temperature=request.temperature,
                max_tokens=request.max_tokens,
                tokens=-(-len(request.system + request.prompt) // CHARACTERS_PER_TOKEN),
            )
        )
        return await self._offline.generate(request)
