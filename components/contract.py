"""The whole contract of a component: what it is, what it is given, what it must answer.

A component is stateless code that one step of a pipeline runs. It knows no database, no Django and no other
component: what it needs stands in `Tools`. docs/components.md shows how to write one.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict


class ComponentConfig(BaseModel):
    """Base of every component's settings; its JSON schema draws the admin's form.

    Mark a field that only staff may set with ``Field(json_schema_extra=STAFF_ONLY)``: a client that names it
    in a step's overrides is refused.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


STAFF_ONLY: dict[str, Any] = {"staff_only": True}
# Only staff may set it, and nobody reads it again: it is stored encrypted, and no page, history or answer has it.
SECRET: dict[str, Any] = {"staff_only": True, "format": "password"}


# How long a probe may take.
PROBE_SECONDS = 10.0


@dataclass(frozen=True)
class ContextView:
    """What a component sees of the context.

    Args:
        data: the client's input and what earlier steps wrote; do not change it, answer what is new.
        written: the keys of ``data`` that earlier steps wrote. All others hold what a client sent, whatever they
            are called: never render or run that.
    """

    id: str
    type: str
    data: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    written: frozenset[str] = frozenset()
    organization_id: str = ""
    step_key: str = ""
    attempt: int = 1


@dataclass(frozen=True)
class FoundTemplate:
    """The live version of the template that was chosen. ``structure`` is ``{"sections": [...]}``."""

    id: str
    version: int
    structure: dict[str, Any]


class TemplateNotFound(Exception):
    """No template fits; ``available`` lists what there is, for the message."""

    def __init__(self, available: Sequence[str]) -> None:
        super().__init__("no template fits")
        self.available = list(available)


class TemplateFinder(Protocol):
    async def find(
        self, *, type: str, tone: str = "", audience: str = "", template_id: str | None = None
    ) -> FoundTemplate:
        """Return the template for these wishes.

        Raises:
            TemplateNotFound: nothing fits.
        """
        ...


@dataclass(frozen=True)
class FoundMedia:
    """An image of the library. ``url`` is what a reader's browser loads."""

    id: str
    url: str
    alt: str
    width: int
    height: int


class MediaFinder(Protocol):
    async def find(self, *, tags: Sequence[str], keywords: Sequence[str], limit: int) -> list[FoundMedia]:
        """Return the images that share most tags and keywords, best first; every tag must match."""
        ...


class HttpClient(Protocol):
    async def post_json(
        self, url: str, payload: dict[str, Any], *, headers: Mapping[str, str], timeout_seconds: float
    ) -> Any:
        """POST JSON and return the answer's JSON.

        Raises:
            TransientError: no answer, or 408, 425, 429, 5xx (with the Retry-After that it named).
            PermanentError: any other status, an answer that is no JSON, or an address that is not allowed.
        """
        ...


@dataclass(frozen=True)
class ModelRequest:
    """What is asked of a model. ``schema`` is the JSON schema that the answer must fit."""

    system: str
    prompt: str
    schema: dict[str, Any]
    model: str | None
    temperature: float
    max_tokens: int
    timeout_seconds: float
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelAnswer:
    """What a model answered. ``text`` is meant to be JSON, which the caller checks."""

    text: str
    model: str
    input_tokens: int
    output_tokens: int


class ModelProvider(Protocol):
    async def generate(self, request: ModelRequest) -> ModelAnswer:
        """Ask the model once, without retries of its own.

        Raises:
            TransientError: no answer in time, rate limit, server error; ``type`` tells them apart.
            PermanentError: wrong key, unknown model, refusal.
        """
        ...


class ModelProviders(Protocol):
    def get(self, name: str | None) -> ModelProvider:
        """Return the provider of that name; None for the installation's own choice.

        Raises:
            PermanentError: there is none of that name, or it is not set up.
        """
        ...


@dataclass
class StepNotes:
    """What a component tells about its run, for the step history: never read by other components.

    Args:
        prompt, output: full texts; kept in a collection of their own, shown to staff.
        cost_usd: None where the price is not known.
    """

    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    template_id: str | None = None
    template_version: int | None = None
    prompt: str | None = None
    output: str | None = None


@dataclass(frozen=True)
class Tools:
    """Everything outside itself that a component may use.

    Args:
        idempotency_key: the same for every try of this step with this input; pass it to outside services.
        notes: write what the history should show.
    """

    templates: TemplateFinder
    media: MediaFinder
    http: HttpClient
    models: ModelProviders
    idempotency_key: str
    notes: StepNotes = field(default_factory=StepNotes)


ConfigT = TypeVar("ConfigT", bound=ComponentConfig)


class Component(ABC, Generic[ConfigT]):
    """One kind of work. Subclass it, name it, and write `process`.

    Class attributes:
        name: what a pipeline calls it; lower-case, digits, underscores.
        Config: its settings, a `ComponentConfig`.
        reads, writes: the keys of ``data`` that it looks at and that it may answer.
        timeout_seconds: how long one run may take; None for the installation's limit.
        acts_outside: whether a run does something outside of Draftline, such as sending the text to a shop. A trial
            of a template runs no such component: what the context's own run answered is taken, else nothing.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    Config: ClassVar[type[ComponentConfig]] = ComponentConfig
    reads: ClassVar[frozenset[str]] = frozenset()
    writes: ClassVar[frozenset[str]] = frozenset()
    timeout_seconds: ClassVar[float | None] = None
    acts_outside: ClassVar[bool] = False

    def __init__(self, config: ConfigT) -> None:
        self.config = config

    @classmethod
    def keys_written(cls, config: ComponentConfig) -> frozenset[str]:
        """Return the keys that a run with this config may write; override where the config decides."""
        return cls.writes

    @abstractmethod
    async def process(self, context: ContextView, tools: Tools) -> dict[str, Any]:
        """Return the keys of ``data`` to add, as JSON values.

        Raises:
            TransientError: trying again may help.
            PermanentError: it will not.
        """

    async def probe(self, tools: Tools) -> str:
        """Do the least that shows whether the settings work, and say what came of it; staff press a button for it.

        Override it where something outside of Draftline is asked; without it, the page says that there is nothing to
        test. No template or media can be found meanwhile. What ``tools.notes`` say of model and tokens is shown too.

        Raises:
            TransientError, PermanentError: as `process`.
        """
        raise NotImplementedError
