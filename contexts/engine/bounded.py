"""Runs a loop that ends whatever its tasks do. Pure.

``asyncio.run`` waits for every task; a component that ignores its cancellation would keep the process for ever. This
waits for the main task, and for all others only a moment.
"""

import asyncio
import logging
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

OTHERS_SECONDS = 1.0
CLEAN_UP_SECONDS = 10.0

T = TypeVar("T")

logger = logging.getLogger(__name__)
# never collected: a task that is destroyed while it runs would get one more exception to ignore
_given_up: list[asyncio.Task[Any]] = []


def run_bounded(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` on a loop of its own and return what it returns. What interrupts it cancels it first."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(main)
    try:
        with _alarm_as_cancellation(loop, task):
            return loop.run_until_complete(task)
    except BaseException:
        if not task.done():  # SystemExit and KeyboardInterrupt stop the loop, not the task
            task.cancel()
            loop.run_until_complete(asyncio.wait([task], timeout=CLEAN_UP_SECONDS))
        raise
    finally:
        _close(loop)


@contextmanager
def _alarm_as_cancellation(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[Any]") -> Iterator[None]:
    """Let SIGALRM cancel the task between two of its steps, and raise what its handler raises when that has ended.

    django-q2's handler raises wherever Python happens to be: within the loop itself that could lose the task's next
    step, and the task would never go on, not even to its end.
    """
    handler = signal.getsignal(signal.SIGALRM)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    rung: list[bool] = []

    def ring() -> None:
        rung.append(True)
        task.cancel()

    loop.add_signal_handler(signal.SIGALRM, ring)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGALRM)
        signal.signal(signal.SIGALRM, handler)
        if rung:
            handler(signal.SIGALRM, None)


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
