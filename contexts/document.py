"""The context document: what the API shows of a row, with the seed's keys."""

from collections.abc import Callable, Iterable
from typing import Any

from base.clock import milliseconds_between, to_iso
from base.sparse import Fields, wants
from components.configurations import named_components, staff_only_fields
from components.pipeline import parse_pipeline
from contexts.models import Batch, Context
from contexts.selectors import BatchProgress
from contexts.waiting import waiting_for

ABSENT = object()
STAFF_ONLY_RUN_KEYS = frozenset({"traceback", "replaced", "correction"})


def context_document(context: Context, fields: Fields = None) -> dict[str, Any]:
    """Return the document of spec section 2, or these keys of it; keys that a stage lacks are absent, not null."""
    summary = context_summary(context, fields)
    return {**summary, "data": context.data} if wants(fields, "data") else summary


def context_summary(context: Context, fields: Fields = None) -> dict[str, Any]:
    """Return what lists show: the document without ``data``, or these keys of it."""
    document = {key: read(context) for key, read in _SUMMARY.items() if wants(fields, key)}
    return {key: value for key, value in document.items() if value is not ABSENT}


def _next_retry_at(context: Context) -> str | None:
    return to_iso(context.next_retry_at) if context.next_retry_at else None


def _pipeline_id(context: Context) -> Any:
    return context.pipeline_id or ABSENT


def _processing(context: Context) -> Any:
    return ABSENT if context.started_at is None else processing_document(context)


# What is not read here is not asked of the database: see `COLUMNS_READ`.
_SUMMARY: dict[str, Callable[[Context], Any]] = {
    "id": lambda context: context.pk,
    "type": lambda context: context.type,
    "status": lambda context: context.status,
    "pipeline": lambda context: _public_pipeline(context),
    "created_at": lambda context: to_iso(context.created_at),
    "updated_at": lambda context: to_iso(context.updated_at),
    "error": lambda context: context.error,
    "attempts": lambda context: context.attempts,
    "retry_count": lambda context: context.retry_count,
    "next_retry_at": _next_retry_at,
    "waiting_for": waiting_for,
    "revision": lambda context: context.revision,
    "priority": lambda context: context.priority,
    "batch_id": lambda context: context.batch_id,
    "organization_id": lambda context: context.organization_id,
    "user_id": lambda context: context.user_id,
    "metadata": lambda context: context.metadata,
    "pipeline_id": _pipeline_id,
    "processing": _processing,
}
# the columns that may be large -> the keys that are read from them
COLUMNS_READ = {
    "data": ["data"],
    "metadata": ["metadata"],
    "pipeline": ["pipeline", "processing"],
    "processing": ["processing"],
    "step_runs": [],
}


def batch_document(batch: Batch, progress: BatchProgress) -> dict[str, Any]:
    """Return a batch as lists show it: without the failed ids."""
    return {
        "id": batch.pk,
        "name": batch.name,
        "status": progress.status,
        "total": batch.total,
        "counts": progress.counts,
        "progress": progress.progress,
        "rate_per_minute": progress.rate_per_minute,
        "estimated_end": to_iso(progress.estimated_end) if progress.estimated_end else None,
        "organization_id": batch.organization_id,
        "user_id": batch.user_id,
        "created_at": to_iso(batch.created_at),
        "updated_at": to_iso(batch.updated_at),
    }


def processing_document(context: Context) -> dict[str, Any]:
    """Return ``processing`` of a context that was picked up at least once.

    The first checkpoint stores it; before that, and at ends that write no checkpoint, the columns tell.
    """
    if context.started_at is None:
        return {}
    document: dict[str, Any] = {"completed_components": [], **context.processing}
    document["start_time"] = to_iso(context.started_at)
    if not document["completed_components"]:
        document["current_component"] = parse_pipeline(context.pipeline).keys[0]
    if context.ended_at is not None:
        document["end_time"] = to_iso(context.ended_at)
        document["duration_ms"] = milliseconds_between(context.started_at, context.ended_at)
    return document


def step_run_documents(context: Context) -> list[dict[str, Any]]:
    """Return the step history as a client sees it: without tracebacks, undo data and staff's settings."""
    hidden = _staff_settings(run["component"] for run in context.step_runs if run.get("config"))
    return [_public_run(run, hidden) for run in context.step_runs]


def _public_run(run: dict[str, Any], hidden: dict[str, frozenset[str]]) -> dict[str, Any]:
    document = {key: value for key, value in run.items() if key not in STAFF_ONLY_RUN_KEYS}
    if run.get("config"):
        document["config"] = _public_config(run["component"], run["config"], hidden)
    return document


def _public_pipeline(context: Context) -> list[Any]:
    """Return the steps as submitted; those that came from staff's pipeline without what only staff may see."""
    if not context.pipeline_id:
        return list(context.pipeline)
    flat = [step for item in context.pipeline for step in (item if isinstance(item, list) else [item])]
    names = [step["component"] for step in flat if isinstance(step, dict) and step.get("config")]
    hidden = _staff_settings(names)
    return [_public_step(item, hidden) for item in context.pipeline] if names else list(context.pipeline)


def _public_step(item: Any, hidden: dict[str, frozenset[str]]) -> Any:
    if isinstance(item, list):
        return [_public_step(inner, hidden) for inner in item]
    if not (isinstance(item, dict) and item.get("config")):
        return item
    return {**item, "config": _public_config(item["component"], item["config"], hidden)}


def _staff_settings(names: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return for each component that exists which settings only staff may see."""
    return {name: staff_only_fields(named.type.Config) for name, named in named_components(names).items()}


def _public_config(component: str, config: dict[str, Any], hidden: dict[str, frozenset[str]]) -> dict[str, Any]:
    if component not in hidden:  # it is gone, and nobody can say what of it is secret
        return {}
    return {key: value for key, value in config.items() if key not in hidden[component]}
