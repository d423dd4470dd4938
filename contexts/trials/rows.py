"""The rows of trials as those see them who run them. Blocking code; one conditional UPDATE a move."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F

from base import clock
from base.clock import to_iso
from base.ids import new_id
from components.contract import FoundTemplate
from components.prices import Bill
from contexts.models import Context
from contexts.trials.bench import Source, source_of
from contexts.trials.budget import Budget, Expected, Verdict, verdict
from contexts.trials.models import OPEN_ITEMS, ItemState, Trial, TrialItem, TrialState

LEASE = timedelta(seconds=30)
LOSSES_AT_MOST = 3


@dataclass
class OpenTrial:
    """A trial that runs, with its items, which lack what may be large."""

    trial: Trial
    items: list[TrialItem] = field(default_factory=list)

    @property
    def is_finished(self) -> bool:
        return all(item.state not in OPEN_ITEMS for item in self.items)

    @property
    def under_way(self) -> list[TrialItem]:
        return [item for item in self.items if item.state == ItemState.RUNNING]

    @property
    def due_at(self) -> datetime | None:
        """Return when the first of what waits is due, or the first lease runs out."""
        waiting = [item.due_at for item in self.items if item.state == ItemState.WAITING]
        running = [item.lease_until for item in self.under_way if item.lease_until is not None]
        return min([*waiting, *running], default=None)

    def next_due(self, now: datetime) -> TrialItem | None:
        """Return what may be claimed: what waits and is due, or what a worker left that died."""
        return next((item for item in self.items if _is_due(item, now)), None)

    def verdict(self, following: TrialItem) -> Verdict:
        """Tell whether an item may begin within the budget. One that has begun before goes on: it is paid for."""
        if following.attempts:
            return Verdict.GO
        return verdict(
            Budget(self.trial.most_tokens, self.trial.most_usd),
            spent=sum((item.bill for item in self.items), Bill()),
            ended=[item.bill for item in self.items if item.state == ItemState.DONE],
            under_way=[_expected(item) for item in self.under_way],
            following=_expected(following),
        )


def _is_due(item: TrialItem, now: datetime) -> bool:
    if item.state == ItemState.WAITING:
        return item.due_at <= now
    return item.state == ItemState.RUNNING and item.lease_until is not None and item.lease_until < now


def _expected(item: TrialItem) -> Expected:
    return Expected(item.expected_tokens, item.expected_usd)


def trials_open() -> list[OpenTrial]:
    """Return the trials that run, the oldest first."""
    found = {trial.pk: OpenTrial(trial) for trial in Trial.objects.filter(state=TrialState.RUNNING).order_by("pk")}
    if found:
        for item in TrialItem.objects.filter(trial_id__in=list(found)).defer("work", "error").order_by("pk"):
            found[item.trial_id].items.append(item)
    return list(found.values())


def work_is_due(within: timedelta = timedelta(0)) -> bool:
    """Tell whether a trial has something to be run, or to be ended, within a time from now."""
    now = clock.now() + within
    return any(one.is_finished or one.next_due(now) for one in trials_open())


def item_claim(item: TrialItem, now: datetime) -> bool:
    """Take an item; False where somebody was faster. The item that was handed in then says so too."""
    token, is_left = new_id("lease"), item.state == ItemState.RUNNING
    rows = TrialItem.objects.filter(pk=item.pk, state=item.state, lease_token=item.lease_token)
    if is_left:
        rows = rows.filter(lease_until__lt=now)
    values: dict[str, Any] = {
        "state": ItemState.RUNNING,
        "lease_token": token,
        "lease_until": now + LEASE,
        "waiting_for": "",
        "started_at": item.started_at or now,
    }
    if not rows.update(**values, attempts=F("attempts") + 1, losses=F("losses") + (1 if is_left else 0)):
        return False
    for name, value in values.items():
        setattr(item, name, value)
    item.attempts, item.losses = item.attempts + 1, item.losses + (1 if is_left else 0)
    return True


def items_renew(tokens: Iterable[str]) -> None:
    """Put off the end of leases."""
    held = TrialItem.objects.filter(lease_token__in=list(tokens), state=ItemState.RUNNING)
    held.update(lease_until=clock.now() + LEASE)


def item_write(item_id: str, token: str, values: dict[str, Any]) -> bool:
    """Write what came of an item; False where the lease was lost, and nothing was written."""
    held = TrialItem.objects.filter(pk=item_id, lease_token=token, state=ItemState.RUNNING)
    return bool(held.update(**values))


def item_hand_back(item_id: str, token: str) -> bool:
    """Let somebody else go on, at the step that was not finished."""
    return item_write(item_id, token, {"state": ItemState.WAITING, "lease_token": "", "due_at": clock.now()})


def item_cancel(item_id: str, token: str) -> bool:
    """End an item whose trial was cancelled."""
    return item_write(
        item_id, token, {"state": ItemState.CANCELLED, "lease_token": "", "ended_at": clock.now(), "waiting_for": ""}
    )


def item_fail(item_id: str, token: str, *, type: str, message: str) -> bool:
    """End an item for a reason that no component gave."""
    now = clock.now()
    error = {"component": "", "type": type, "message": message, "retryable": False, "attempt": 1, "at": to_iso(now)}
    ended = {"state": ItemState.FAILED, "lease_token": "", "ended_at": now, "error": error, "waiting_for": ""}
    return item_write(item_id, token, ended)


def trial_end(trial_id: str, state: TrialState, *, reason: str = "") -> bool:
    """End a trial, and with it what of it has not begun. False where it has ended already.

    The trial first: whoever runs it looks at that. A crash between leaves items that wait for ever in a trial that
    has ended, which pages show as not run.
    """
    now = clock.now()
    running = Trial.objects.filter(pk=trial_id, state=TrialState.RUNNING)
    if not running.update(state=state, reason=reason, ended_at=now):
        return False
    waiting = TrialItem.objects.filter(trial_id=trial_id, state=ItemState.WAITING)
    waiting.update(state=ItemState.CANCELLED, ended_at=now, waiting_for="")
    return True


class ContextGone(Exception):
    """The context that an item was to be run on is no longer there."""

    def __init__(self, context_id: str) -> None:
        super().__init__(f"{context_id} was removed.")
        self.context_id = context_id


@dataclass(frozen=True)
class Task:
    """All that a claimed item is run with."""

    text: FoundTemplate
    source: Source
    work: dict[str, Any]


def item_task(item: TrialItem, trial: Trial) -> Task:
    """Read what an item is run with.

    Raises:
        ContextGone: its context was removed.
    """
    text = trial.texts[item.side]
    found = FoundTemplate(trial.template_id, text["version"], text["structure"])
    work = TrialItem.objects.values_list("work", flat=True).get(pk=item.pk)
    return Task(found, item_source(item, trial), work)


def item_source(item: TrialItem, trial: Trial) -> Source:
    """Return an item's input; see `item_task`."""
    if not item.context_id:
        return Source(**(trial.sample or {}), organization_id=item.organization_id)
    context = Context.objects.filter(pk=item.context_id).first()
    if context is None:
        raise ContextGone(item.context_id)
    return source_of(context)
