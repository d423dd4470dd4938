"""Fills a database with contexts that look like those of a year's work, in SQL: some 30,000 a second."""

import os
from typing import Any

from django.db import connection

from base import clock
from base.clock import to_iso
from benchmarks import work
from contexts.models import Batch, Context
from contexts.states import Status
from users.models import Organization
from users.services import organization_default

AT_ONCE = 50_000
PENDING = 2000
ORGANIZATIONS = 10
BATCH_SIZE = 1000
PROTOTYPE_ID = "ctx_00000000000000000000000000"
TITLE = "Example Article 0"
MOMENT = "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-' || ((:last - number) * 30) || ' seconds')"
ERROR = (
    '{"component": "ai_generator", "type": "rate_limited", "message": "Too many requests.", "retryable": true, '
    '"attempt": 4, "at": "2026-11-24T12:00:00Z"}'
)
WROTE = {"transformer": ["formatted_content"]}
# every 50th has failed, every 100th was cancelled, the newest are waiting; ids sort by time, before those made today
CHANGED = {
    "_id": "printf('ctx_01J%023d', number)",
    "organization_id": f"'org_bench_' || (number % {ORGANIZATIONS})",
    "batch_id": f"printf('batch_01J%023d', number / {BATCH_SIZE})",
    "title": "'Example Article ' || number",
    "data": f"replace(p.data, '{TITLE}', 'Example Article ' || number)",
    "status": f"""CASE WHEN number > :last - {PENDING} THEN 'pending' WHEN number % 50 = 0 THEN 'failed'
                  WHEN number % 50 = 25 THEN 'cancelled' ELSE 'completed' END""",
    "template_id": "'tmpl_article_technical'",
    "error": f"CASE WHEN number % 50 = 0 THEN '{ERROR}' END",
    "error_type": "CASE WHEN number % 50 = 0 THEN 'rate_limited' END",
    "error_component": "CASE WHEN number % 50 = 0 THEN 'ai_generator' END",
    "claim_order": f"(CAST(strftime('%s', 'now') AS INTEGER) - (:last - number) * 30) * {1000}",
    "started_at": MOMENT,
    "ended_at": MOMENT,
    "created_at": MOMENT,
    "updated_at": MOMENT,
}
NUMBERS = "WITH RECURSIVE n(number) AS (SELECT :first UNION ALL SELECT number + 1 FROM n WHERE number < :end)"


def fill(count: int) -> dict[str, Any]:
    """Make so many contexts in ten organizations, the last 2,000 of them pending. The key of the bench sees a tenth."""
    _organizations()
    _batches(count // BATCH_SIZE + 1)
    columns = [str(field.column) for field in Context._meta.concrete_fields]
    values = [CHANGED.get(column, f"p.{column}") for column in columns]
    _prototype().save(force_insert=True)
    insert = (
        f"{NUMBERS} INSERT INTO contexts ({', '.join(columns)}) SELECT {', '.join(values)} "
        f"FROM n, contexts p WHERE p._id = '{PROTOTYPE_ID}'"
    )
    for first in range(1, count + 1, AT_ONCE):
        _execute(insert, first=first, end=min(first + AT_ONCE - 1, count), last=count)
    Context.objects.filter(pk=PROTOTYPE_ID).delete()
    _execute("PRAGMA wal_checkpoint(TRUNCATE)")
    os.sync()  # or the first commits that are timed would wait for these gigabytes
    return {"count": Context.objects.count()}


def _execute(sql: str, **values: int) -> None:
    # Django's SQLite takes %(name)s; as our own SQL is full of % signs, the driver is asked directly
    connection.ensure_connection()
    connection.connection.execute(sql, values)


def _organizations() -> None:
    default = organization_default()
    wanted = [Organization(id=f"org_bench_{number}", name=f"Bench {number}") for number in range(ORGANIZATIONS)]
    Organization.objects.bulk_create(wanted)
    _execute(f"UPDATE api_keys SET organization_id = 'org_bench_0' WHERE organization_id = '{default.pk}'")


def _batches(count: int) -> None:
    Batch.objects.bulk_create(
        Batch(id=f"batch_01J{number:023}", organization_id="org_bench_0", name=f"Batch {number}", state="accepted")
        for number in range(count)
    )


def _prototype() -> Context:
    """Return a finished context; its row has about 3 KB."""
    posted = work.context(0)
    moment = clock.now()
    content = {"format": "markdown", "word_count": 180, "reading_time": "1 minute", "content": work.text_of(1200)}
    at = to_iso(moment)
    run = {"attempt": 1, "started_at": at, "ended_at": at, "duration_ms": 3, "outcome": "completed", "config": {}}
    return Context(
        id=PROTOTYPE_ID,
        organization=organization_default(),
        type=posted["type"],
        title=TITLE,
        status=Status.COMPLETED,
        pipeline=posted["pipeline"],
        data={**posted["data"], "title": TITLE, "formatted_content": content},
        processing={"completed_components": posted["pipeline"], "component_timings": {}},
        step_runs=[{"key": key, "component": key, "wrote": WROTE.get(key, []), **run} for key in posted["pipeline"]],
        attempts=1,
        started_at=moment,
        ended_at=moment,
    )
