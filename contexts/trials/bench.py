"""Runs a pipeline with one text of a template, whichever is live, and without any effect outside of Draftline."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from components.adapters import Toolbox, not_told
from components.building import Builder
from components.contract import (
    Component,
    ContextView,
    FoundTemplate,
    ModelProviders,
    StepNotes,
    TemplateFinder,
    Tools,
)
from components.errors import PermanentError
from components.pipeline import Step, plan_of
from components.providers.limited import OnWait
from contexts.engine.job import Job
from contexts.models import Context
from contexts.rewind import DONE_OUTCOMES, rewind


@dataclass(frozen=True)
class Source:
    """The input of a run.

    Args:
        data: what the client sent.
        recorded: ``{step key: what it answered}`` of the steps that the context ran in earnest.
    """

    type: str
    pipeline: list[Any]
    data: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)
    organization_id: str = ""
    recorded: Mapping[str, dict[str, Any]] = field(default_factory=dict)


def source_of(context: Context) -> Source:
    """Return what a context began with, and what its steps answered."""
    keys = plan_of(context.pipeline).keys
    return Source(
        type=context.type,
        pipeline=context.pipeline,
        data=rewind(context.data, context.step_runs, set(keys)),
        metadata=context.metadata,
        organization_id=context.organization_id,
        recorded={key: _answer_of(context, key, set(keys[number + 1 :])) for number, key in enumerate(keys)},
    )


def _answer_of(context: Context, key: str, later: set[str]) -> dict[str, Any]:
    after = rewind(context.data, context.step_runs, later)
    runs = [run for run in context.step_runs if run["key"] == key and run["outcome"] in DONE_OUTCOMES]
    return {name: after[name] for name in (runs[-1].get("wrote", []) if runs else []) if name in after}


class Bench:
    """What a `Runner` needs to run one input with one text: see its ``build`` and ``tools``.

    Args:
        models: asked instead of the real providers; None for those, within their limits.
    """

    def __init__(
        self,
        text: FoundTemplate,
        source: Source,
        *,
        toolbox: Toolbox,
        builder: Builder,
        models: ModelProviders | None = None,
        on_wait: OnWait = not_told,
    ) -> None:
        self._text = text
        self._source = source
        self._toolbox = toolbox
        self._builder = builder
        self._models = models
        self._on_wait = on_wait

    async def build(self, step: Step) -> Component[Any]:
        component = await self._builder.build(step)
        if not component.acts_outside:
            return component
        return _recalled(component, self._source.recorded.get(step.key, {}))

    def tools(self, job: Job, idempotency_key: str, notes: StepNotes) -> Tools:
        tools = self._toolbox.tools_for(
            organization_id=job.organization_id, idempotency_key=idempotency_key, notes=notes, on_wait=self._on_wait
        )
        pinned = _Pinned(self._text, tools.templates)
        return replace(tools, templates=pinned, http=_NoHttp(), models=self._models or tools.models)

    @property
    def data(self) -> dict[str, Any]:
        """Return the input; a template that it names is the one on trial."""
        data = self._source.data
        return {**data, "template_id": self._text.id} if data.get("template_id") else data


class _Pinned:
    """Finds the text on trial, but where a step's own settings name another template."""

    def __init__(self, text: FoundTemplate, others: TemplateFinder) -> None:
        self._text = text
        self._others = others

    async def find(
        self, *, type: str, tone: str = "", audience: str = "", template_id: str | None = None
    ) -> FoundTemplate:
        if template_id in (None, self._text.id):
            return self._text
        return await self._others.find(type=type, tone=tone, audience=audience, template_id=template_id)


class _NoHttp:
    """Refuses: what a trial sends to a service outside could not be taken back."""

    async def post_json(
        self, url: str, payload: dict[str, Any], *, headers: Mapping[str, str], timeout_seconds: float
    ) -> Any:
        raise PermanentError(
            "A trial calls no service outside. Whoever wrote this component must declare that it acts outside.",
            type="acts_outside",
        )


def _recalled(component: Component[Any], answer: dict[str, Any]) -> Component[Any]:
    """Return the same component, which answers what it answered in earnest."""
    allowed = component.keys_written(component.config)
    told = {key: value for key, value in answer.items() if key in allowed}

    async def process(self: Component[Any], context: ContextView, tools: Tools) -> dict[str, Any]:
        return told

    recalled: type[Component[Any]] = type("Recalled", (type(component),), {"process": process})
    return recalled(component.config)
