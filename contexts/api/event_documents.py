"""The shapes of server-sent events: what each is called, and what its data holds."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, Json, RootModel
from pydantic_core import CoreSchema

from contexts.api.documents import BatchStatus, ContextStatus, Counts, StepError, StepOutcome, Time
from contexts.api.examples import EXAMPLE_BATCH_EVENT, EXAMPLE_EVENT, EXAMPLE_STATUS_EVENT


class AsText:
    """Says of JSON in a text what the text holds; pydantic says so of input only."""

    @staticmethod
    def __get_pydantic_json_schema__(schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        content = handler(schema)
        return {"type": "string", "contentMediaType": "application/json", "contentSchema": content}


class EventStep(BaseModel):
    """The step run that an event tells of."""

    key: Annotated[str, Field(description="The step: its component's name, then name#2.")]
    component: str
    outcome: StepOutcome
    duration_ms: int
    wrote: Annotated[list[str], Field(description="The keys of data that it wrote.")]
    error: StepError | None


class EventError(StepError):
    """Why a context failed, or why it is tried again."""

    component: str | None


class _OfContext(BaseModel):
    id: Annotated[str, Field(description="The context.")]
    revision: int
    at: Time
    attempt: int


class StatusEvent(_OfContext):
    """A context has another status."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_STATUS_EVENT})

    status: ContextStatus
    reason: str = Field(default_factory=str, description="In plain words, where there is more to say.")
    error: EventError = Field(
        default_factory=lambda: EventError(component=None, type="", message="", retryable=False),
        description="Of `failed`, and of `retrying` after a failure.",
    )


class StepEvent(_OfContext):
    """The result of a step run was stored."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_EVENT})

    status: Literal["processing"]
    step: EventStep


class ContextEvent(RootModel[StepEvent | StatusEvent]):
    """What happened to a context."""


class BatchEvent(BaseModel):
    """How far a batch is."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_BATCH_EVENT})

    id: Annotated[str, Field(description="The batch.")]
    status: BatchStatus
    total: int
    counts: Counts
    progress: Annotated[float, Field(ge=0, le=1, description="The part that has ended.")]


class _Message(BaseModel):
    id: str = Field(default_factory=str, description="To be sent as Last-Event-ID.")
    retry: int = Field(default_factory=int, description="Milliseconds after which to ask again.")


class StatusMessage(_Message):
    """An event of a context's stream."""

    event: Literal["status"]
    data: Annotated[Json[StatusEvent], AsText]


class StepMessage(_Message):
    """An event of a context's stream."""

    event: Literal["step"]
    data: Annotated[Json[StepEvent], AsText]


class ContextMessage(_Message):
    """An event of a batch's stream, about one of its contexts."""

    event: Literal["context"]
    data: Annotated[Json[ContextEvent], AsText]


class BatchMessage(_Message):
    """An event of a batch's stream, about the batch."""

    event: Literal["batch"]
    data: Annotated[Json[BatchEvent], AsText]


class ContextStreamEvent(RootModel[Annotated[StatusMessage | StepMessage, Field(discriminator="event")]]):
    """One event of the stream of a context, by its fields."""


class BatchStreamEvent(RootModel[Annotated[ContextMessage | BatchMessage, Field(discriminator="event")]]):
    """One event of the stream of a batch, by its fields."""
