"""Puts a drain together from settings, and runs it: as a django-q2 task, from the command line, in a test."""

import asyncio
import gc
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from django.conf import settings
from django.db import Error, connections
from django_q.exceptions import TimeoutException

from base import clock
from base.ids import new_id
from components.adapters import Toolbox
from components.building import Builder
from components.contract import StepNotes, Tools
from components.errors import TransientError
from components.providers.choice import OPENAI
from contexts.engine.bounded import run_bounded
from contexts.engine.drain import Drain, DrainSettings
from contexts.engine.gate import Gate
from contexts.engine.job import Job
from contexts.engine.limits import Grant, Need, ProviderLimits
from contexts.engine.providers import provider_settle
from contexts.engine.runner import Limits, Runner
from contexts.engine.store import Store, is_outage

# The store's thread needs Python's lock between any two statements of a group, while it holds the database's; with the
# usual 5 ms a busy loop would make everybody else wait for both.
SWITCH_SECONDS = 0.001
# Hundreds of contexts in flight are many objects, and few of them are cycles.
GC_THRESHOLDS = (10_000, 20, 20)


def settings_from_django() -> DrainSettings:
    """Return how drains behave in this installation."""
    return DrainSettings(
        max_in_flight=settings.MAX_IN_FLIGHT,
        linger_seconds=settings.DRAIN_SECONDS,
        overtime_seconds=settings.CONTEXT_TIMEOUT_SECONDS,
        stop_grace_seconds=settings.STOP_GRACE_SECONDS,
        heartbeat_seconds=settings.HEARTBEAT_SECONDS,
        lease_seconds=settings.LEASE_SECONDS,
        blocked_seconds=settings.LOOP_BLOCKED_SECONDS,
        context_seconds=settings.CONTEXT_TIMEOUT_SECONDS,
    )


def provider_limits() -> dict[str, ProviderLimits]:
    """Return the limits of each model provider that has any."""
    return {
        OPENAI: ProviderLimits(
            concurrent=settings.OPENAI_MAX_CONCURRENT,
            requests_per_minute=settings.OPENAI_REQUESTS_PER_MINUTE,
            tokens_per_minute=settings.OPENAI_TOKENS_PER_MINUTE,
        )
    }


def run_drain(
    *,
    should_stop: Callable[[], bool] = lambda: False,
    until_idle: bool = False,
    make_store: Callable[..., Store] = Store,
) -> int:
    """Run one drain on a loop of its own; return how many contexts it picked up. Blocks."""
    with _busy_process():
        return run_bounded(_drain(should_stop, until_idle, make_store))


@contextmanager
def _busy_process() -> Iterator[None]:
    """Set Python up for one thread that is always busy beside one that must never wait long."""
    switch, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()  # what was imported lives as long as the process: no need to look through it again and again
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
        sys.setswitchinterval(switch)


async def _drain(should_stop: Callable[[], bool], until_idle: bool, make_store: Callable[..., Store]) -> int:
    store = make_store(patience_seconds=settings.LEASE_SECONDS)
    reads = ThreadPoolExecutor(1, thread_name_prefix="reads")
    loop = asyncio.get_running_loop()

    async def run_sync(function: Callable[..., Any], *args: Any) -> Any:
        try:
            return await loop.run_in_executor(reads, partial(store.patiently, function, *args))
        except Error as exc:
            if is_outage(exc):
                raise TransientError("The database is away.", type="database_away") from exc
            raise

    async def provider_settled(name: str, limit: ProviderLimits, need: Need) -> Grant:
        return await store.run(provider_settle, name, limit, need)

    gate = Gate(new_id("gate"), provider_limits(), provider_settled)
    toolbox, builder = Toolbox(run_sync, gate), Builder(run_sync)

    def tools(job: Job, idempotency_key: str, notes: StepNotes) -> Tools:
        return toolbox.tools_for(
            organization_id=job.organization_id,
            idempotency_key=idempotency_key,
            notes=notes,
            on_wait=partial(store.say_waiting, job),
        )

    limits = Limits(settings.STEP_TIMEOUT_SECONDS, settings.CONTEXT_TIMEOUT_SECONDS)
    runner = Runner(
        store=store, build=builder.build, tools=tools, limits=limits, now=clock.now, fatal=(TimeoutException,)
    )
    configured = replace(settings_from_django(), until_idle=until_idle)
    try:
        return await Drain(configured, store=store, runner=runner, should_stop=should_stop).run()
    finally:
        await builder.aclose()
        await toolbox.aclose()
        await gate.aclose()
        await store.close()
        await loop.run_in_executor(reads, connections.close_all)
        reads.shutdown(wait=True)
