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
from contextlib import suppress

from django.db import Error, connection

from base import database_clock
from contexts.engine import claims
from contexts.engine.reaper import worker_bury
from contexts.engine.vital_signs import Doing, vital_signs_note, vital_signs_remove
from contexts.models import Context
from contexts.states import Status

CHECK_SECONDS = 0.5
TICK_SECONDS = 0.25
# The most that one check counts as silence of the loop: while the whole process stood still, nobody blocked it.
LONGEST_SILENCE_SECONDS = 2 * CHECK_SECONDS
EXIT_BLOCKED = 75

logger = logging.getLogger(__name__)


class Heartbeat:
    """Beats for one worker from `start` to `stop`.

    Args:
        leased_at: monotonic seconds from just before the worker was registered.
        in_flight: how many contexts the worker has now.
        doing: what it does now.
        on_lost: called on the loop when the lease is gone: declared dead, or not renewed in time.
    """

    def __init__(
        self,
        token: str,
        loop: asyncio.AbstractEventLoop,
        *,
        leased_at: float,
        in_flight: Callable[[], int],
        doing: Callable[[], Doing],
        on_lost: Callable[[], None],
        every_seconds: float,
        lease_seconds: float,
        blocked_seconds: float,
        exit_process: Callable[[int], None] = os._exit,
    ) -> None:
        self._token = token
        self._loop = loop
        self._in_flight = in_flight
        self._doing = doing
        self._on_lost = on_lost
        self._every_seconds = every_seconds
        self._lease_seconds = lease_seconds
        self._blocked_seconds = blocked_seconds
        self._exit_process = exit_process
        self._stopped = threading.Event()
        self._ticks = 0
        self._ticks_seen = -1
        self._silent_seconds = 0.0
        self._last_check = time.monotonic()
        self._leased_at = leased_at
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
        self._ticks += 1
        if self._stopped.is_set():
            return
        if self._has_run_out():  # seen here, because the thread may be waiting for the database
            logger.error("lease_run_out worker=%s", self._token)
            self._on_lost()
            return
        self._loop.call_later(TICK_SECONDS, self._tick)

    def _has_run_out(self) -> bool:
        """Tell whether others may think that this worker is dead."""
        return time.monotonic() - self._leased_at >= self._lease_seconds

    def _run(self) -> None:
        next_beat = time.monotonic() + self._every_seconds
        try:
            self._tell()
            while not self._stopped.wait(CHECK_SECONDS):
                if self._is_blocked():
                    self._give_up_blocked()
                    return
                if time.monotonic() >= next_beat:
                    next_beat = time.monotonic() + self._every_seconds
                    if not self._beat():
                        return
                    self._tell()
        except Exception:  # whatever it was: a worker without a heartbeat must not go on
            logger.exception("heartbeat_broke worker=%s", self._token)
            self._say_lost()
        finally:
            vital_signs_remove(self._token)
            connection.close()

    def _tell(self) -> None:
        vital_signs_note(self._token, self._doing(), in_flight=self._in_flight())

    def _is_blocked(self) -> bool:
        """Tell whether the loop stood still for too long while this thread ran."""
        now = time.monotonic()
        silence, self._last_check = min(now - self._last_check, LONGEST_SILENCE_SECONDS), now
        ticks, self._ticks_seen = self._ticks_seen, self._ticks
        self._silent_seconds = self._silent_seconds + silence if ticks == self._ticks_seen else 0.0
        return self._silent_seconds > self._blocked_seconds

    def _beat(self) -> bool:
        """Renew; False ends the thread, for the lease is gone."""
        began = time.monotonic()
        try:
            is_mine = claims.worker_renew(self._token, in_flight=self._in_flight())
        except Error as exc:
            logger.warning("heartbeat_failed worker=%s reason=%s", self._token, exc)
            connection.close()
            return not self._has_run_out()
        if is_mine:
            self._leased_at = began  # whoever watches saw the beat later than this, and so waits for longer
            database_clock.refresh()
        else:
            self._say_lost()
        return is_mine

    def _say_lost(self) -> None:
        logger.error("lease_lost worker=%s", self._token)
        with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(self._on_lost)

    def _give_up_blocked(self) -> None:
        try:
            self._hand_over()
        except Exception:  # then the lease runs out by itself
            logger.exception("hand_over_failed worker=%s", self._token)
        finally:
            self._exit_process(EXIT_BLOCKED)

    def _hand_over(self) -> None:
        """Fail the context that blocks and hand the others back.

        Where nobody can tell which one it is, because a task of the component's own blocks, all are suspects, as
        after a death: smaller and smaller groups find out.
        """
        task = asyncio.current_task(self._loop)
        culprit = task.get_name() if task is not None else ""
        logger.critical("loop_blocked worker=%s context=%s", self._token, culprit)
        context = Context.objects.filter(pk=culprit, lease_token=self._token, status=Status.PROCESSING).first()
        if context is None:
            worker_bury(self._token)
            return
        message = f"The component blocked its worker for {self._blocked_seconds:g} seconds and was stopped."
        claims.fail_held(context, self._token, type="timed_out", message=message)
        claims.worker_stop(self._token)
