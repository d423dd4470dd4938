"""What a client may post as a context, and what is stored of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, StrictInt

from base.problems import Fault, InvalidInput, TooLarge
from base.strict_json import size_in_bytes
from base.validation import WHOLE_NUMBER
from components.services import pipeline_default, pipeline_get, pipeline_plan
from components.steps import Steps
from contexts.claim_order import DEFAULT_PRIORITY
from contexts.models import Context
from contexts.move_log import first_entry
from contexts.samples import demo_context
from contexts.states import Status
from templates_app.structure import SLUG_PATTERN

MAX_DATA_BYTES = 1024 * 1024
MAX_METADATA_BYTES = 64 * 1024
MAX_TITLE_LENGTH = 300


Priority = Annotated[StrictInt, Field(ge=0, le=100), WHOLE_NUMBER]


def _steps_or_id(value: Any) -> list[Any] | str | None:
    # what a step is says components.pipeline; pydantic's words for a union would name its arms as keys
    if value is None or isinstance(value, str | list):
        return value
    raise ValueError("Send a list of steps, or a pipeline's id, or leave it out")


class ContextSubmission(BaseModel):
    """A context as a client posts it: the seed's first document, verbatim, is one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": demo_context()})

    type: Annotated[str, Field(pattern=SLUG_PATTERN, max_length=50, description="What it is, such as article.")]
    pipeline: Annotated[
        list[Any] | str | None,
        PlainValidator(_steps_or_id, json_schema_input_type=Steps | str | None),
        PlainSerializer(lambda value: value, return_type=Steps | str | None),
        Field(description="Steps, or a pipeline's id; without it the default pipeline of the type."),
    ] = None
    data: Annotated[dict[str, Any], Field(description="What to write about; at most 1 MiB.")] = Field(
        default_factory=dict
    )
    metadata: Annotated[dict[str, Any], Field(description="Your own notes; at most 64 KiB.")] = Field(
        default_factory=dict
    )
    priority: Annotated[Priority | None, Field(description="0 is first, 100 is last; 50 without it.")] = None

    # The rest of a context document may be sent along and is ignored, so that a document can be posted as it is.
    id: Annotated[Any, Field(description="Ignored: the server makes the id.")] = None
    status: Annotated[Any, Field(description="Ignored.")] = None
    processing: Annotated[Any, Field(description="Ignored.")] = None
    created_at: Annotated[Any, Field(description="Ignored.")] = None
    updated_at: Annotated[Any, Field(description="Ignored.")] = None


@dataclass(frozen=True)
class Submitter:
    """On whose behalf contexts are submitted."""

    organization_id: str
    user_id: str | None = None


class PipelineReader:
    """Finds and validates pipelines; remembers them, for a bulk submission names the same one again and again."""

    def __init__(self, organization_id: str) -> None:
        self._organization_id = organization_id
        self._known: dict[str, tuple[list[Any], str]] = {}

    def read(self, submission: ContextSubmission) -> tuple[list[Any], str]:
        """Return the steps to store, and the pipeline's id where it has one.

        Raises:
            InvalidInput: with paths below ``/pipeline``.
        """
        memo = f"{submission.type} {submission.pipeline!r}"
        if memo not in self._known:
            self._known[memo] = self._read(submission)
        return self._known[memo]

    def _read(self, submission: ContextSubmission) -> tuple[list[Any], str]:
        value = submission.pipeline
        if isinstance(value, list):
            self._validate(value, from_client=True)
            return value, ""
        row = self._named(value) if value is not None else self._default(submission.type)
        self._validate(row.steps, from_client=False)
        return row.steps, row.pk

    def _named(self, pipeline_id: str) -> Any:
        row = pipeline_get(pipeline_id, self._organization_id)
        if row is None:
            raise InvalidInput([Fault("/pipeline", f"There is no pipeline {pipeline_id!r}; see GET /api/pipelines.")])
        return row

    def _default(self, type: str) -> Any:
        row = pipeline_default(type, self._organization_id)
        if row is None:
            raise InvalidInput([Fault("/pipeline", f"The type {type!r} has no default pipeline; name the steps.")])
        return row

    @staticmethod
    def _validate(steps: Any, *, from_client: bool) -> None:
        try:
            pipeline_plan(steps, from_client=from_client)
        except InvalidInput as exc:
            raise InvalidInput([fault.under("/pipeline") for fault in exc.errors]) from exc


def check_sizes(submission: ContextSubmission, path: str = "") -> None:
    """Refuse what is larger than the limits.

    Raises:
        TooLarge: naming the place.
    """
    check_data_size(submission.data, path)
    _check_size(submission.metadata, MAX_METADATA_BYTES, f"{path}/metadata")


def check_data_size(data: dict[str, Any], path: str = "") -> None:
    """Refuse a client's part of ``data`` that is larger than the limit.

    Raises:
        TooLarge: naming the place.
    """
    _check_size(data, MAX_DATA_BYTES, f"{path}/data")


def _check_size(value: dict[str, Any], limit: int, path: str) -> None:
    size = size_in_bytes(value)
    if size > limit:
        message = f"{size} bytes are more than the {limit} that may stand here."
        raise TooLarge(f"{path}: {message}", [Fault(path, message)])


def context_row(
    submission: ContextSubmission,
    *,
    submitter: Submitter,
    pipelines: PipelineReader,
    context_id: str,
    moment: datetime,
    batch_id: str | None = None,
    priority: int | None = None,
) -> Context:
    """Return the row to store for a submission, but for its place in the queue; nothing is written.

    Args:
        priority: for a submission that names none.

    Raises:
        InvalidInput: a fault of the pipeline.
    """
    steps, pipeline_id = pipelines.read(submission)
    chosen = next((p for p in (submission.priority, priority) if p is not None), DEFAULT_PRIORITY)
    return Context(
        id=context_id,
        organization_id=submitter.organization_id,
        user_id=submitter.user_id,
        batch_id=batch_id,
        type=submission.type,
        title=title_of(submission.data),
        status=Status.PENDING if batch_id is None else Status.HELD,
        pipeline=steps,
        pipeline_id=pipeline_id,
        data=submission.data,
        metadata=submission.metadata,
        moves=[first_entry(moment)],
        priority=chosen,
        created_at=moment,
        updated_at=moment,
    )


def title_of(data: dict[str, Any]) -> str:
    """Return what lists show and search: ``data.title``, where it is a text."""
    title = data.get("title")
    return " ".join(title.split())[:MAX_TITLE_LENGTH] if isinstance(title, str) else ""
