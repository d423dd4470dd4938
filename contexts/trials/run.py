"""Puts a turn of trials together, and runs it: as a chore of django-q2, or in a test."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import Error, connections

from base.ids import new_id
from base.locks import one_at_a_time
from base.problems import Busy
from components.adapters import Toolbox
from components.building import Builder
from components.errors import TransientError
from contexts.chore_bell import ChoreBell
from contexts.engine.bounded import run_bounded
from contexts.engine.gate import Gate
from contexts.engine.limits import Grant, Need, ProviderLimits
from contexts.engine.providers import provider_settle
from contexts.engine.run import provider_limits
from contexts.engine.runner import Limits
from contexts.engine.store import is_outage
from contexts.trials.rows import work_is_due
from contexts.trials.turn import Turn, TurnSettings

# With an item that begins at the very end it stays below django-q2's time-out for chores, 300 seconds.
TURN_SECONDS = 60.0
ITEM_SECONDS = 200.0
# Longer than the bell rests between two rings.
LINGER_SECONDS = 2.0

bell = ChoreBell("contexts.tasks.trials", "trials")
logger = logging.getLogger(__name__)


def take_turn(*, should_stop: Callable[[], bool] = lambda: False, linger_seconds: float = LINGER_SECONDS) -> int:
    """Run what trials have to be run; return how many items were begun. None where somebody else is at it."""
    try:
        with one_at_a_time("trials", "Somebody else runs trials."):
            begun = run_bounded(_turn(should_stop, linger_seconds))
    except Busy:
        return 0
    if not should_stop() and work_is_due(timedelta(seconds=linger_seconds)):
        bell.ring()  # the next turn's
    return begun


async def _turn(should_stop: Callable[[], bool], linger_seconds: float) -> int:
    database = ThreadPoolExecutor(1, thread_name_prefix="trials")
    loop = asyncio.get_running_loop()

    async def run_sync(function: Callable[..., Any], *args: Any) -> Any:
        return await loop.run_in_executor(database, partial(function, *args))

    async def run_for_component(function: Callable[..., Any], *args: Any) -> Any:
        try:
            return await run_sync(function, *args)
        except Error as exc:
            if is_outage(exc):
                raise TransientError("The database is away.", type="database_away") from exc
            raise

    async def provider_settled(name: str, limit: ProviderLimits, need: Need) -> Grant:
        grant: Grant = await run_sync(provider_settle, name, limit, need)
        return grant

    gate = Gate(new_id("gate"), provider_limits(), provider_settled)
    toolbox, builder = Toolbox(run_for_component, gate), Builder(run_for_component)
    configured = TurnSettings(TURN_SECONDS, linger_seconds, _limits())
    try:
        return await Turn(
            configured, run_sync=run_sync, toolbox=toolbox, builder=builder, should_stop=should_stop
        ).run()
    finally:
        await builder.aclose()
        await toolbox.aclose()
        await gate.aclose()
        await loop.run_in_executor(database, connections.close_all)
        database.shutdown(wait=True)


def _limits() -> Limits:
    seconds = (settings.STEP_TIMEOUT_SECONDS, settings.CONTEXT_TIMEOUT_SECONDS)
    return Limits(*(min(most, ITEM_SECONDS) for most in seconds))
