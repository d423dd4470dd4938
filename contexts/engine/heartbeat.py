"""The thread that renews a worker's lease, and that sees when its event loop no longer turns.

A thread of its own, because a component that blocks the loop must cost neither the other contexts their lease nor
the worker its life in silence: the context whose task is running is failed, the others are handed back, and the
process ends; the cluster starts another one.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable

from django.db import Error, connection

from contexts.engine import claims
from contexts.models import Context
from contexts.states import Status

CHECK_SECONDS = 0.5
TICK_SECONDS = 0.25
EXIT_BLOCKED = 75

logger = logging.getLogger(__name__)


class Heartbeat:
    """Beats for one worker from `start` to `stop`.

    Args:
        in_flight: how many contexts the worker has now.
        on_lost: called on the loop when the lease is gone: declared dead, or not renewed in time.
    """

    def __init__(
        self,
        token: str,
        loop: asyncio.AbstractEventLoop,
        *,
        in_flight: Callable[[], int],
        on_lost: Callable[[], None],
        every_seconds: float,
        lease_seconds: float,
        blocked_seconds: float,
        exit_process: Callable[[int], None] = os._exit,
    ) -> None:
        self._token = token
        self._loop = loop
        self._in_flight = in_flight
        self._on_lost = on_lost
        self._every_seconds = every_seconds
        self._lease_seconds = lease_seconds
        self._blocked_seconds = blocked_seconds
        self._exit_process = exit_process
        self._stopped = threading.Event()
        self._last_tick = time.monotonic()
        self._last_renewal = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start beating; call it on the loop."""
        self._tick()
        self._thread.start()

    def stop(self) -> None:
        """Stop beating and wait for the thread."""
        self._stopped.set()
        self._thread.join(timeout=self._every_seconds)

    def _tick(self) -> None:
        self._last_tick = time.monotonic()
        if not self._stopped.is_set():
            self._loop.call_later(TICK_SECONDS, self._tick)

    def _run(self) -> None:
        next_beat = time.monotonic() + self._every_seconds
        try:
            while not self._stopped.wait(CHECK_SECONDS):
                now = time.monotonic()
                if now - self._last_tick > self._blocked_seconds:
                    self._give_up_blocked()
                    return
                if now >= next_beat:
                    next_beat = now + self._every_seconds
                    if not self._beat():
                        return
        finally:
            connection.close()

    def _beat(self) -> bool:
        """Renew; False ends the thread, for the lease is gone."""
        try:
            is_mine = claims.worker_renew(self._token, in_flight=self._in_flight())
        except Error as exc:
            logger.warning("heartbeat_failed worker=%s reason=%s", self._token, exc)
            connection.close()
            is_mine = time.monotonic() - self._last_renewal < self._lease_seconds
        else:
            self._last_renewal = time.monotonic()
        if not is_mine:
            logger.error("lease_lost worker=%s", self._token)
            self._loop.call_soon_threadsafe(self._on_lost)
        return is_mine

    def _give_up_blocked(self) -> None:
        task = asyncio.current_task(self._loop)
        culprit = task.get_name() if task is not None else ""
        logger.critical("loop_blocked worker=%s context=%s", self._token, culprit)
        context = Context.objects.filter(pk=culprit, lease_token=self._token, status=Status.PROCESSING).first()
        if context is not None:
            message = f"The component blocked its worker for {self._blocked_seconds:g} seconds and was stopped."
            claims.fail_held(context, self._token, type="timed_out", message=message)
        claims.worker_stop(self._token)
        connection.close()
        self._exit_process(EXIT_BLOCKED)
