"""A Celery chain of three tasks per context; each step's result goes through Redis before the next one starts."""

import os
import time
from functools import cache
from itertools import count as numbers_from
from typing import Any

import redis
from celery import Celery, chain

from benchmarks import work
from benchmarks.peers import orders
from benchmarks.peers.steps import BlockingOpenAi, run_blocking, run_step
from benchmarks.peers.variables import STORE_URL

URL = os.environ.get(STORE_URL, "")
DONE = "bench-completed"
QUEUE = "celery"  # its default

app = Celery("bench", broker=URL, backend=URL)
# a worker that dies must lose no step
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True)
_numbers = numbers_from(1)


@cache
def provider() -> BlockingOpenAi:
    return BlockingOpenAi()


@cache
def store() -> "redis.Redis":
    return redis.Redis.from_url(URL)


def _run(name: str, data: dict[str, Any]) -> dict[str, Any]:
    return run_blocking(run_step(name, "context", data, provider()))


@app.task
def template(data: dict[str, Any]) -> dict[str, Any]:
    return _run("template", data)


@app.task
def ai_generator(data: dict[str, Any]) -> dict[str, Any]:
    return _run("ai_generator", data)


@app.task
def transformer(data: dict[str, Any]) -> dict[str, Any]:
    made = _run("transformer", data)
    store().incr(DONE)
    return made


# --- orders ---------------------------------------------------------------------------------------------------
def prepare() -> dict[str, Any]:
    """Begin to count."""
    store().set(DONE, 0)
    return {}


def submit(count: int) -> dict[str, Any]:
    """Send so many chains while the workers hold still, then let them go; answer when that was (monotonic seconds).

    Celery has no call for many at once: else its workers would be done with the first before the last is sent.
    """
    app.control.cancel_consumer(QUEUE, reply=True)
    _send(count)
    began = time.monotonic()
    app.control.add_consumer(QUEUE)
    return {"returned_at": began}


def _send(count: int) -> None:
    for _ in range(count):
        chain(template.s(work.context(next(_numbers))["data"]), ai_generator.s(), transformer.s()).apply_async()


def completed() -> int:
    return int(store().get(DONE) or 0)


def wait(total: int) -> dict[str, Any]:
    return orders.wait_for_end(completed, total)


def pickups(count: int) -> dict[str, Any]:
    return orders.time_pickups(_send, completed, count)
