"""One procrastinate task per context; what each step made is saved in PostgreSQL before the next one starts."""

import json
import os
import time
from functools import cache
from itertools import count as numbers_from
from typing import Any

import procrastinate
import psycopg

from benchmarks import work
from benchmarks.peers import orders
from benchmarks.peers.steps import STEPS, async_openai, run_step
from benchmarks.peers.variables import STORE_URL
from components.providers.openai import OpenAiProvider

URL = os.environ.get(STORE_URL, "")
TABLE = """
    CREATE TABLE contexts (id bigint PRIMARY KEY, status text NOT NULL, data jsonb NOT NULL);
    CREATE INDEX contexts_status ON contexts (status);
"""

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=URL, min_size=4, max_size=16))
_numbers = numbers_from(1)


@cache
def provider() -> OpenAiProvider:
    return async_openai()


@app.task(queue="contexts", name="work")
async def run_context(context_id: int) -> None:
    """Run a context."""
    query = app.connector.execute_query_async
    row = await app.connector.execute_query_one_async("SELECT data FROM contexts WHERE id = %(id)s", id=context_id)
    data = row["data"]
    for name in STEPS:
        data = await run_step(name, str(context_id), data, provider())
        await query("UPDATE contexts SET data = %(data)s WHERE id = %(id)s", id=context_id, data=json.dumps(data))
    await query("UPDATE contexts SET status = 'completed' WHERE id = %(id)s", id=context_id)


# --- orders ---------------------------------------------------------------------------------------------------
@cache
def connection() -> psycopg.Connection[Any]:
    return psycopg.connect(URL, autocommit=True)


@cache
def submitter() -> procrastinate.App:
    """Return the app, opened for blocking code."""
    return app.open()


def prepare() -> dict[str, Any]:
    """Make the tables of procrastinate and ours."""
    submitter().schema_manager.apply_schema()
    connection().execute(TABLE)
    return {}


def submit(count: int) -> dict[str, Any]:
    """Store so many contexts and a task for each; answer when that was done (monotonic seconds)."""
    ids = [next(_numbers) for _ in range(count)]
    rows = [(number, json.dumps(work.context(number)["data"])) for number in ids]
    with connection().transaction():
        connection().cursor().executemany("INSERT INTO contexts VALUES (%s, 'pending', %s)", rows)
    submitter().tasks["work"].batch_defer(*({"context_id": number} for number in ids))
    return {"returned_at": time.monotonic()}


def completed() -> int:
    row = connection().execute("SELECT count(*) FROM contexts WHERE status = 'completed'").fetchone()
    return int(row[0]) if row else 0


def wait(total: int) -> dict[str, Any]:
    return orders.wait_for_end(completed, total)


def pickups(count: int) -> dict[str, Any]:
    return orders.time_pickups(submit, completed, count)
