"""Who may work on a context: register, claim, renew, hand back. Blocking code; one conditional UPDATE a move.

A lease is (token, worker row): the context carries the token, the worker's row counts its heartbeats, so that one
write renews everything in flight. A worker that is late finds its row no longer live and can write nothing more;
who declares it dead stands in reaper.py.
"""

import os
import socket
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from django.db.models import F

from base import clock, database_clock
from base.clock import to_iso
from base.problems import InvalidInput
from base.version import VERSION
from components.pipeline import parse_pipeline
from contexts.engine.admission import NOBODY, Candidate, Survivors, admit
from contexts.engine.claim_rows import read_line, take
from contexts.engine.crowd import Crowd
from contexts.engine.job import Job, Line
from contexts.engine.subscriber import tell_watchers
from contexts.failure import failure
from contexts.models import Context, Worker, WorkerState, new_worker_id
from contexts.move_log import moved
from contexts.states import Move, Status, sources
from contexts.webhooks.bell import bell
from contexts.webhooks.listeners import announcement

CLAIM_AT_ONCE = 100
HANDED_BACK = "its worker gave it back"


class WorkerGone(Exception):
    """The worker was declared dead; it must drop what it has and claim nothing more."""


def worker_register() -> str:
    """Make the row of a new worker and return its id, the token of all its leases."""
    database_clock.refresh()
    now = clock.now()
    worker = Worker.objects.create(
        id=new_worker_id(),
        host=socket.gethostname(),
        pid=os.getpid(),
        process_space=process_space(),
        version=VERSION,
        started_at=now,
        heartbeat_at=now,
    )
    return str(worker.pk)


@cache
def process_space() -> str:
    """Return where this process's pid means something: the machine's boot and the pid namespace. Empty off Linux."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}:{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""


def worker_renew(token: str, *, in_flight: int) -> bool:
    """Renew every lease of a worker; False where it was declared dead meanwhile."""
    matched = Worker.objects.filter(pk=token, state=WorkerState.LIVE).update(
        beats=F("beats") + 1, heartbeat_at=clock.now(), in_flight=in_flight
    )
    return bool(matched)


def worker_stop(token: str) -> None:
    """Hand back what the worker still holds, then mark it as stopped; after a crash between, the reaper goes on."""
    hand_back(token)
    Worker.objects.filter(pk=token, state=WorkerState.LIVE).update(
        state=WorkerState.STOPPED, in_flight=0, heartbeat_at=clock.now()
    )


def claim(
    token: str,
    *,
    running: Iterable[int],
    most: int,
    survivors: Survivors = NOBODY,
    crowd: Crowd | None = None,
) -> list[Job]:
    """Claim what is due, up to ``most`` contexts in flight: suspects of a worker's death, then the rest.

    The line says, too, whether the worker was declared dead. One that is told so only after a claim, because it stood
    still in the middle, gives back at its next look, or at its next heartbeat: nobody else would free what it took.

    Args:
        running: the worker losses of each context that this worker has in flight.
        survivors: the suspects that it has brought to their end.
        crowd: what it has learned of others that claim.

    Raises:
        WorkerGone: the worker was declared dead meanwhile; nothing stays claimed.
    """
    losses = list(running)
    room = min(most - len(losses), CLAIM_AT_ONCE)
    if room <= 0:
        return []
    now, crowd = clock.now(), crowd or Crowd()
    found = read_line(token, now, room * crowd.parts)
    if not found.is_live:
        hand_back(token)
        raise WorkerGone(token)
    line = _by_turns(found, crowd, room)
    chosen = admit(line, running=losses, most=most, survivors=survivors)
    if chosen.is_blocked and not _is_newest(token):
        chosen = admit(line, running=losses, most=most, survivors=survivors, passes_by=True)
    ids = chosen.ids[:room]
    jobs = take(token, ids, now) if ids else []
    if jobs:
        tell_watchers()
    crowd.note(asked=len(ids), got=len(jobs))
    return jobs


def _by_turns(found: Line, crowd: Crowd, room: int) -> list[Candidate]:
    """Return due retries and pending contexts by turns, for neither may starve the other.

    Suspects come first: one that needs a worker for itself would never find it free.
    """
    suspects = sorted((one for one in found.retries if one.losses), key=lambda one: one.losses)
    others = crowd.part([one for one in found.retries if not one.losses], room)
    fresh = crowd.part(found.fresh, room)
    return [*suspects, *(one for pair in zip_longest(others, fresh) for one in pair if one is not None)]


def _is_newest(token: str) -> bool:
    """Tell whether this is the worker that makes room for suspects: one of them all, for else all would stand still."""
    live = Worker.objects.filter(state=WorkerState.LIVE).order_by("-pk")
    return live.values_list("pk", flat=True).first() == token


def leases_held(token: str) -> dict[str, int]:
    """Return ``{context id: attempt}`` of what a worker still holds: less than it thinks after a cancel."""
    rows = Context.objects.filter(lease_token=token, status=Status.PROCESSING).order_by()
    return dict(rows.values_list("pk", "attempts"))


def hand_back(token: str) -> int:
    """Give all contexts of a worker back, due now. Burns neither a retry nor a loss."""
    held = Context.objects.filter(lease_token=token, status__in=sources(Move.HAND_BACK))
    return held.update(**freed(clock.now(), reason=HANDED_BACK))


def give_back(token: str, attempts: dict[str, int]) -> None:
    """Give single contexts of a worker back, due now: those that it holds but does not run.

    Args:
        attempts: ``{context id: attempt}``.
    """
    for context_id, attempt in attempts.items():
        held = Context.objects.filter(pk=context_id, lease_token=token, attempts=attempt)
        held.filter(status__in=sources(Move.HAND_BACK)).update(**freed(clock.now(), reason=HANDED_BACK))


def free_orphans() -> int:
    """Free what is in work by a worker that is no more: no reaper will ever look at it. Return how many there were.

    A claim by a worker that is stopped or declared dead at the same moment leaves such rows, where the process dies
    before it can give them back.
    """
    held = Context.objects.filter(status=Status.PROCESSING).order_by()
    tokens = set(held.values_list("lease_token", flat=True).distinct())
    lasting = Worker.objects.filter(pk__in=tokens, state__in=[WorkerState.LIVE, WorkerState.DEAD])
    gone = tokens - set(lasting.values_list("pk", flat=True))
    return sum(hand_back(token) for token in gone)


def freed(now: datetime, *, reason: str) -> dict[str, Any]:
    """Return the columns of a context that nobody works any more, due now."""
    return moved(Move.HAND_BACK, now, reason=reason) | {"lease_token": "", "next_retry_at": now}


def fail_broken(token: str, context_id: str, attempt: int, *, type: str, message: str) -> bool:
    """End a context of a worker as failed, whatever its runner does. True if it still was held."""
    context = Context.objects.filter(pk=context_id, lease_token=token, attempts=attempt).first()
    return context is not None and fail_held(context, token, type=type, message=message)


def fail_held(context: Context, token: str, *, type: str, message: str) -> bool:
    """End a context as failed from outside its runner: its worker died, or cannot go on. True if it still was held."""
    now = clock.now()
    error = {
        "component": _component_at_work(context),
        "type": type,
        "message": message,
        "retryable": False,
        "attempt": context.attempts,
        "at": to_iso(now),
    }
    step_runs = [*context.step_runs, _lost_run(context, error, now)]
    matched = Context.objects.filter(
        pk=context.pk, lease_token=token, attempts=context.attempts, status__in=sources(Move.FAIL)
    ).update(
        **moved(Move.FAIL, now, steps=len(step_runs), error=error),
        **failure(error),
        step_runs=step_runs,
        lease_token="",
        ended_at=now,
        **announcement(context.organization_id),
    )
    bell.ring_for(context.organization_id)
    return bool(matched)


def _component_at_work(context: Context) -> str:
    done = context.processing.get("completed_components", [])
    try:
        keys = [step.key for step in parse_pipeline(context.pipeline).steps]
    except InvalidInput:  # somebody has changed the row by hand
        return "pipeline"
    return next((key for key in keys if key not in done), keys[-1])


def _lost_run(context: Context, error: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the history's entry of a run that nobody could finish."""
    return {
        "key": error["component"],
        "component": error["component"].partition("#")[0],
        "attempt": context.attempts,
        "started_at": to_iso(context.updated_at),
        "ended_at": to_iso(now),
        "duration_ms": clock.milliseconds_between(context.updated_at, now),
        "outcome": "failed",
        "error": {key: error[key] for key in ("type", "message", "retryable")},
        "wrote": [],
        "config": {},
        "model": None,
        "input_tokens": None,
        "output_tokens": None,
        "cost_usd": None,
        "template_id": None,
        "template_version": None,
    }
