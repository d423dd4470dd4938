"""Runs a loop that ends whatever its tasks do. Pure.

``asyncio.run`` waits for every task; a component that ignores its cancellation would keep the process for ever. This
waits for the main task, and for all others only a moment.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

OTHERS_SECONDS = 1.0

T = TypeVar("T")

logger = logging.getLogger(__name__)
# never collected: a task that is destroyed while it runs would get one more exception to ignore
_given_up: list[asyncio.Task[Any]] = []


def run_bounded(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` on a loop of its own and return what it returns. What interrupts it cancels it first."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(main)
    try:
        return loop.run_until_complete(task)
    except BaseException:
        if not task.done():  # SystemExit and KeyboardInterrupt stop the loop, not the task
            task.cancel()
            loop.run_until_complete(asyncio.wait([task]))
        raise
    finally:
        _close(loop)


def _close(loop: asyncio.AbstractEventLoop) -> None:
    try:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            _, stubborn = loop.run_until_complete(asyncio.wait(left, timeout=OTHERS_SECONDS))
            for task in stubborn:
                logger.error("task_given_up name=%s", task.get_name())
            _given_up.extend(stubborn)
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()
