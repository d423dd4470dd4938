"""What the API takes beside a context itself."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from base.queries import Moment, PageQuery
from contexts.api.documents import BatchStatus, ContextStatus
from contexts.api.examples import EXAMPLE_BULK
from contexts.batches import MAX_CONTEXTS
from contexts.services import FROM_FAILED
from contexts.submission import ContextSubmission, Priority

MAX_SEARCH_LENGTH = 200
MAX_WAIT_SECONDS = 60
EXAMPLE_RETRY: dict[str, Any] = {"from": "start", "data": {"tone": "warm"}}


class ContextQuery(PageQuery):
    """Which contexts to list; all that are given must hold."""

    status: Annotated[list[ContextStatus], Field(description="May be given again and again.")] = []
    type: Annotated[str | None, Field(description="Such as article.")] = None
    batch_id: str | None = None
    created_after: Annotated[Moment | None, Field(description="Later than this time.")] = None
    created_before: Annotated[Moment | None, Field(description="Earlier than this time.")] = None
    q: Annotated[
        str | None,
        Field(max_length=MAX_SEARCH_LENGTH, description="The beginning of an id, else what the title contains."),
    ] = None


class WaitQuery(BaseModel):
    """How long the client would wait for the context's end."""

    wait: Annotated[
        float,
        Field(
            ge=0,
            le=MAX_WAIT_SECONDS,
            allow_inf_nan=False,
            description="Seconds. The answer comes as soon as the context has ended, after these at the latest.",
        ),
    ] = 0


class BatchQuery(PageQuery):
    """Which batches to list; all that are given must hold."""

    status: BatchStatus | None = None
    created_after: Annotated[Moment | None, Field(description="Later than this time.")] = None
    created_before: Annotated[Moment | None, Field(description="Earlier than this time.")] = None
    q: Annotated[
        str | None,
        Field(max_length=MAX_SEARCH_LENGTH, description="The beginning of an id, else what the name contains."),
    ] = None


class RetryRequest(BaseModel):
    """Where to go on, and with what; an empty body means: at the step that failed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": EXAMPLE_RETRY})

    from_step: Annotated[
        str, Field(alias="from", description="`failed` keeps every finished step, `start` keeps none; or a step's key.")
    ] = FROM_FAILED
    data: Annotated[
        dict[str, Any] | None,
        Field(description="A JSON merge patch on your part of data (RFC 7396); what kept steps wrote stays as it is."),
    ] = None


class NoRequest(BaseModel):
    """Nothing: the address says it all."""

    model_config = ConfigDict(extra="forbid")


class BulkEnvelope(BaseModel):
    """A bulk submission whose contexts are still to be read one by one."""

    model_config = ConfigDict(extra="forbid")

    contexts: Annotated[list[Any], Field(min_length=1, max_length=MAX_CONTEXTS)]
    name: Annotated[str, Field(max_length=200, description="For people.")] = ""
    priority: Annotated[Priority | None, Field(description="Of the contexts that name none.")] = None


class BulkSubmission(BulkEnvelope):
    """Contexts to be stored together: all of them or none."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_BULK})

    contexts: Annotated[list[ContextSubmission], Field(min_length=1, max_length=MAX_CONTEXTS)]
