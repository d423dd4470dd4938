"""The shapes that the API answers with; they name the schemas of the OpenAPI document."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

EXAMPLE_DATA = {
    "title": "Example Article",
    "keywords": ["microservices", "architecture", "documentation"],
    "target_audience": "developers",
    "tone": "technical",
}
EXAMPLE_CONTEXT: dict[str, Any] = {
    "id": "ctx_01JD8M7Z4Q1V9XKJ3T5N6R8W2C",
    "type": "article",
    "status": "pending",
    "pipeline": ["template", "ai_generator", "transformer"],
    "data": EXAMPLE_DATA,
    "created_at": "2023-05-15T10:30:00Z",
    "updated_at": "2023-05-15T10:30:00Z",
    "error": None,
    "attempts": 0,
    "retry_count": 0,
    "next_retry_at": None,
    "waiting_for": "a free worker",
    "revision": 1,
    "priority": 50,
    "batch_id": None,
    "organization_id": "org_default",
    "user_id": None,
    "metadata": {},
}

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="ISO 8601, UTC, with a Z.")]
ContextStatus = Literal["pending", "processing", "retrying", "completed", "failed", "cancelled"]
BatchStatus = Literal["processing", "completed", "completed_with_failures", "cancelled"]


class Processing(BaseModel):
    """How far a context is; there from its first pick-up on. A key that a stage lacks is absent."""

    current_component: Annotated[str, Field(description="The step whose result was stored last.")] = ""
    completed_components: list[str]
    start_time: Time
    end_time: Time = ""
    duration_ms: int = 0
    component_timings: Annotated[dict[str, int], Field(description="Milliseconds by step.")] = {}


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
    pipeline: list[Any]
    pipeline_id: Annotated[str, Field(description="The pipeline that the steps were copied from, if any.")] = ""
    processing: Processing = Field(default=None, json_schema_extra={"default": None})  # type: ignore[assignment]
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


class Context(ContextSummary):
    """One job and its data: what the client sent, and what each component added."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_CONTEXT})

    data: dict[str, Any]
