"""Examples for the OpenAPI document. Those of contexts are the data-flow document's own four."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

from contexts.samples import demo_context, sample

CONTEXT_ID = "ctx_01JD8M7Z4Q1V9XKJ3T5N6R8W2C"
# what an answer has beside the keys of the data-flow document
_BESIDE: dict[str, Any] = {
    "error": None,
    "attempts": 1,
    "retry_count": 0,
    "next_retry_at": None,
    "waiting_for": None,
    "priority": 50,
    "batch_id": None,
    "organization_id": "org_default",
    "user_id": None,
    "metadata": {},
}


def _answered(document: dict[str, Any], revision: int, **more: Any) -> dict[str, Any]:
    return {**document, **_BESIDE, "revision": revision, **more}


SUBMITTED = demo_context()
EXAMPLE_DATA: dict[str, Any] = SUBMITTED["data"]
EXAMPLE_CONTEXT = _answered(SUBMITTED, 1, attempts=0, waiting_for="a free worker")
_STAGES = {
    "Submitted": EXAMPLE_CONTEXT,
    "After the template component": _answered(sample("after-template"), 3),
    "After the AI generator": _answered(sample("after-ai-generator"), 4),
    "Completed": _answered(sample("completed"), 5),
}
EXAMPLE_STEPS: list[Any] = [
    "template",
    [
        {"component": "ai_generator", "config": {"temperature": 0.2, "guidance": "Short sentences."}},
        {"component": "media", "config": {"tags": ["illustration"], "limit": 2}, "on_error": "skip"},
    ],
    {"component": "transformer", "config": {"format": "html", "toc": True}, "when": "metadata.channel == 'web'"},
]
_SUBMISSIONS = {
    "A context document": SUBMITTED,
    "The default pipeline of its type": {"type": "article", "data": EXAMPLE_DATA},
    "Steps with settings": {
        "type": "article",
        "pipeline": EXAMPLE_STEPS,
        "data": EXAMPLE_DATA,
        "metadata": {"channel": "web"},
        "priority": 10,
    },
}
SUBMISSION_EXAMPLES = [
    *(OpenApiExample(name, value=value, request_only=True) for name, value in _SUBMISSIONS.items()),
    OpenApiExample("Submitted", value=EXAMPLE_CONTEXT, response_only=True, status_codes=["201"]),
    OpenApiExample("Completed", value=_STAGES["Completed"], response_only=True, status_codes=["201"]),
]
CONTEXT_EXAMPLES = [OpenApiExample(name, value=value, response_only=True) for name, value in _STAGES.items()]

EXAMPLE_BULK: dict[str, Any] = {
    "name": "October articles",
    "priority": 60,
    "contexts": [SUBMITTED, {"type": "article", "pipeline": ["template", "ai_generator"], "data": EXAMPLE_DATA}],
}
EXAMPLE_BATCH: dict[str, Any] = {
    "id": "batch_01JD8M7Z4Q1V9XKJ3T5N6R8W2C",
    "name": "October articles",
    "status": "processing",
    "total": 4,
    "counts": {"pending": 1, "processing": 1, "retrying": 0, "completed": 1, "failed": 1, "cancelled": 0},
    "progress": 0.5,
    "rate_per_minute": 12.5,
    "estimated_end": "2023-05-15T10:33:05Z",
    "organization_id": "org_default",
    "user_id": None,
    "created_at": "2023-05-15T10:30:00Z",
    "updated_at": "2023-05-15T10:30:00Z",
    "failed_ids": [CONTEXT_ID],
}
EXAMPLE_BATCH_EVENT = {key: EXAMPLE_BATCH[key] for key in ("id", "status", "total", "counts", "progress")}
EXAMPLE_STATUS_EVENT: dict[str, Any] = {
    "id": CONTEXT_ID,
    "revision": 7,
    "status": "failed",
    "at": "2023-05-15T10:31:12.480Z",
    "attempt": 4,
    "error": {
        "component": "ai_generator",
        "type": "rate_limited",
        "message": "The provider is busy.",
        "retryable": True,
    },
}
EXAMPLE_EVENT: dict[str, Any] = {
    "id": CONTEXT_ID,
    "revision": 3,
    "status": "processing",
    "at": "2023-05-15T10:30:01.250Z",
    "attempt": 1,
    "step": {
        "key": "template",
        "component": "template",
        "outcome": "completed",
        "duration_ms": 12,
        "wrote": ["template"],
        "error": None,
    },
}
