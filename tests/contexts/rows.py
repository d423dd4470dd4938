"""Rows for tests, as the engine would leave them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ulid import ULID

from base import clock
from contexts.failure import failure
from contexts.models import Context
from contexts.states import Status

MOMENT = datetime(2023, 5, 15, 10, 30, tzinfo=UTC)
STEPS = ["template", "ai_generator", "transformer"]
INPUT: dict[str, Any] = {"title": "Example Article", "tone": "technical"}
TEMPLATE: dict[str, Any] = {"id": "tmpl_article_technical", "version": 1, "sections": []}
GENERATED: dict[str, Any] = {"introduction": "In.", "body": [], "conclusion": "Out."}
TEXT = "# Example Article\n\nSome **bold** words & <b>more</b>."
FORMATTED: dict[str, Any] = {"format": "markdown", "word_count": 6, "reading_time": "1 minute", "content": TEXT}
WRITES: dict[str, dict[str, Any]] = {
    "template": {"template": TEMPLATE},
    "ai_generator": {"generated_content": GENERATED, "model_used": "offline"},
    "transformer": {"formatted_content": FORMATTED},
}
ERROR: dict[str, Any] = {
    "component": "ai_generator",
    "type": "rate_limited",
    "message": "Too many requests.",
    "retryable": True,
    "attempt": 1,
    "at": "2023-05-15T10:32:00Z",
}


def just_now() -> datetime:
    """Return the last moment that is over, for what is to be due at once.

    What is due in this very millisecond is so too, but the stand-in for MongoDB takes ``$lte`` for ``$lt`` where an
    index has another field before.
    """
    return clock.now() - timedelta(milliseconds=1)


def step_run(key: str, outcome: str = "completed", attempt: int = 1, **more: Any) -> dict[str, Any]:
    """An entry of the history, with all keys that the engine writes."""
    component = key.partition("#")[0]
    return {
        "key": key,
        "component": component,
        "attempt": attempt,
        "started_at": "2023-05-15T10:31:00Z",
        "ended_at": "2023-05-15T10:31:05Z",
        "duration_ms": 5000,
        "outcome": outcome,
        "error": None,
        "wrote": sorted(WRITES[component]) if outcome == "completed" else [],
        "config": {},
        "model": None,
        "input_tokens": None,
        "output_tokens": None,
        "cost_usd": None,
        "template_id": None,
        "template_version": None,
    } | more


def make_context(organization: Any, status: Status = Status.PENDING, **fields: Any) -> Context:
    """A context that has not run."""
    if moment := fields.get("created_at"):
        fields.setdefault("id", f"ctx_{ULID.from_datetime(moment)}")
    values: dict[str, Any] = {
        "organization": organization,
        "type": "article",
        "title": "Example Article",
        "status": status,
        "pipeline": list(STEPS),
        "data": dict(INPUT),
        **failure(fields.get("error")),
    }
    return Context.objects.create(**(values | fields))


def ran_context(organization: Any, status: Status, done: list[str], **fields: Any) -> Context:
    """A context whose first steps are done; a failed one failed at the next."""
    data = dict(INPUT)
    for key in done:
        data |= WRITES[key]
    runs = [step_run(key) for key in done]
    if status == Status.FAILED:
        failure = {"type": "rate_limited", "message": "Too many requests.", "retryable": True}
        runs.append(step_run(STEPS[len(done)], "failed", error=failure))
        fields.setdefault("error", dict(ERROR))
    if status in (Status.FAILED, Status.COMPLETED):
        fields.setdefault("ended_at", MOMENT.replace(minute=33))
    processing = {"completed_components": done, "start_time": "2023-05-15T10:31:00Z", "component_timings": {}}
    if done and status != Status.COMPLETED:
        processing["current_component"] = done[-1]
    return make_context(
        organization,
        status,
        data=data,
        step_runs=runs,
        processing=processing if done else {},
        attempts=1,
        started_at=MOMENT.replace(minute=31),
        **fields,
    )
