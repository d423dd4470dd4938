"""The shapes that the API answers with; they name the schemas of the OpenAPI document."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from base.sparse import part_of
from components.builtin.transformer import Format
from components.steps import Steps
from contexts.api.examples import EXAMPLE_BATCH, EXAMPLE_CONTEXT
from templates_app.structure import Section

# What has a default here may be absent in an answer; a factory keeps the default out of the schema.
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="ISO 8601, UTC, with a Z.")]
ContextStatus = Literal["pending", "processing", "retrying", "completed", "failed", "cancelled"]
# corrected: a person of the staff wrote the result of the step
StepOutcome = Literal["completed", "failed", "skipped", "corrected"]
BatchStatus = Literal["processing", "completed", "completed_with_failures", "cancelled"]


class Processing(BaseModel):
    """How far a context is; there from its first pick-up on. A key that a stage lacks is absent."""

    current_component: str = Field(default_factory=str, description="The step whose result was stored last.")
    completed_components: list[str]
    start_time: Time
    end_time: Time = Field(default_factory=str)
    duration_ms: int = Field(default_factory=int)
    component_timings: dict[str, int] = Field(default_factory=dict, description="Milliseconds by step.")


class ContextError(BaseModel):
    """Why a context failed, or why it is tried again."""

    component: Annotated[str | None, Field(description="The step; null where none had begun.")]
    type: Annotated[str, Field(description="One word for the cause, such as rate_limited.")]
    message: str
    retryable: bool
    attempt: int
    at: Time


class ContextSummary(BaseModel):
    """A context as lists show it: all but its data."""

    id: str
    type: str
    status: ContextStatus
    pipeline: Steps
    pipeline_id: str = Field(default_factory=str, description="The pipeline that the steps were copied from, if any.")
    processing: Processing = Field(default_factory=lambda: Processing(completed_components=[], start_time=""))
    error: ContextError | None
    attempts: Annotated[int, Field(description="How often a worker picked it up.")]
    retry_count: Annotated[int, Field(description="Runs after a failure; at most 3.")]
    next_retry_at: Time | None
    waiting_for: Annotated[str | None, Field(description="In plain words why it waits.")]
    revision: Annotated[int, Field(description="Grows by one with every visible change.")]
    priority: Annotated[int, Field(ge=0, le=100)]
    batch_id: str | None
    organization_id: str
    user_id: str | None
    metadata: dict[str, Any]
    created_at: Time
    updated_at: Time


class FormattedContent(BaseModel):
    """What `transformer` writes: the finished text."""

    format: Format
    word_count: int
    reading_time: str
    content: str


class Usage(BaseModel):
    """What `ai_generator` used of the model."""

    input_tokens: int | None
    output_tokens: int | None


class UsedTemplate(BaseModel):
    """What `template` found: the version that the text is written by."""

    id: str
    version: int = Field(default_factory=int)
    sections: list[Section]


class ContentPart(BaseModel):
    """One part of a section that has several."""

    heading: str
    content: str


class GeneratedContent(RootModel[dict[str, str | list[ContentPart]]]):
    """What `ai_generator` wrote: a text for each section of the template, or its parts."""


class GenerationParameters(BaseModel):
    """What `ai_generator` asked the model for."""

    temperature: float
    max_tokens: int


class ContextData(BaseModel):
    """What to write about, and what each component added.

    The keys that the built-in components read and write; any others may stand beside them. A client may put whatever it
    likes under each of them, so that none is promised.
    """

    model_config = ConfigDict(extra="allow")

    title: str | Any = Field(default_factory=str)
    keywords: list[str] | Any = Field(default_factory=list)
    tone: str | Any = Field(default_factory=str)
    target_audience: str | Any = Field(default_factory=str)
    template_id: str | Any = Field(default_factory=str, description="Wins over the best match.")
    template: UsedTemplate | Any = Field(default_factory=dict)
    generated_content: GeneratedContent | Any = Field(default_factory=dict)
    model_used: str | Any = Field(default_factory=str)
    generation_parameters: GenerationParameters | Any = Field(default_factory=dict)
    usage: Usage | Any = Field(default_factory=dict)
    formatted_content: FormattedContent | Any = Field(default_factory=dict)


class Context(ContextSummary):
    """One job and its data: what the client sent, and what each component added."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_CONTEXT})

    data: ContextData


ContextPart = part_of(Context)
ContextSummaryPart = part_of(ContextSummary)


class ContextOrPart(RootModel[Context | ContextPart]):  # type: ignore[valid-type]
    """The context, or what `fields` named of it."""


class ContextPage(BaseModel):
    """A page of contexts, newest first, without their data; `next` and `previous` are addresses of pages."""

    results: list[ContextSummary | ContextSummaryPart]  # type: ignore[valid-type]
    next: str | None
    previous: str | None


class StepError(BaseModel):
    """Why a step run failed, or was skipped after it had failed."""

    type: Annotated[str, Field(description="One word for the cause, such as rate_limited.")]
    message: str
    retryable: bool


class StepRun(BaseModel):
    """One run of one step: what it did, with which settings, how long it took."""

    key: Annotated[str, Field(description="The step: its component's name, then name#2.")]
    component: str
    attempt: int
    started_at: Time
    ended_at: Time | None
    duration_ms: int
    outcome: StepOutcome
    error: StepError | None
    wrote: Annotated[list[str], Field(description="The keys of data that it wrote.")]
    config: Annotated[dict[str, Any], Field(description="The settings it ran with, but for those of staff.")]
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    template_id: str | None
    template_version: int | None


class StepRuns(BaseModel):
    """The whole history of a context, oldest first; it has one page."""

    results: list[StepRun]
    next: str | None
    previous: str | None


class Counts(BaseModel):
    """How many contexts of a batch have each status."""

    pending: int
    processing: int
    retrying: int
    completed: int
    failed: int
    cancelled: int


class BatchSummary(BaseModel):
    """Contexts that were submitted together, and how far they are."""

    id: str
    name: str
    status: BatchStatus
    total: int
    counts: Counts
    progress: Annotated[float, Field(ge=0, le=1, description="The part that has ended.")]
    rate_per_minute: Annotated[float | None, Field(description="Contexts ended a minute so far.")]
    estimated_end: Annotated[Time | None, Field(description="At that rate.")]
    organization_id: str
    user_id: str | None
    created_at: Time
    updated_at: Time


class Batch(BatchSummary):
    """A batch, and which of its contexts failed."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_BATCH})

    failed_ids: Annotated[list[str], Field(description="The first 1000.")]


BatchPart = part_of(Batch)
BatchSummaryPart = part_of(BatchSummary)


class BatchOrPart(RootModel[Batch | BatchPart]):  # type: ignore[valid-type]
    """The batch, or what `fields` named of it."""


class BatchPage(BaseModel):
    """A page of batches, newest first; `next` and `previous` are addresses of pages."""

    results: list[BatchSummary | BatchSummaryPart]  # type: ignore[valid-type]
    next: str | None
    previous: str | None


class BatchRetried(Batch):
    """The batch, and how many contexts were set going again."""

    model_config = ConfigDict(json_schema_extra={"example": {**EXAMPLE_BATCH, "retried": 1}})

    retried: int


class BulkAccepted(BaseModel):
    """The batch that a bulk submission became."""

    batch_id: str
    accepted: Annotated[int, Field(description="How many contexts.")]
