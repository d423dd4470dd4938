"""Why a context waits, in plain words: for clients, and for staff."""

from base import clock
from base.clock import to_iso
from contexts.doorbell import drain_is_live
from contexts.engine.retry import RetryPolicy
from contexts.models import Context
from contexts.states import Status

FREE_WORKER = "a free worker"
NO_WORKER = "a worker: none is running"
MAX_COUNTED = 1_000
RETRIES = len(RetryPolicy().delays_seconds)


def waiting_for(context: Context) -> str | None:
    """Say why a context waits, from its row alone; None where it does not."""
    if context.status == Status.PROCESSING:
        return context.waiting_for or None
    if context.status == Status.PENDING:
        return context.waiting_for or FREE_WORKER
    if context.status == Status.RETRYING:
        return context.waiting_for or _next_try(context) or FREE_WORKER
    return None


def waiting_in_full(context: Context) -> str | None:
    """Say it with a look at the queue and the workers: for one context, not for lists."""
    reason = waiting_for(context)
    if reason != FREE_WORKER:
        return reason
    if not drain_is_live():
        return NO_WORKER
    if context.status != Status.PENDING:
        return reason
    before = Context.objects.filter(status=Status.PENDING, claim_order__lt=context.claim_order).order_by()
    ahead = before[: MAX_COUNTED + 1].count()  # bounded: it reads an index no further than that
    if not ahead:
        return reason
    counted = f"more than {MAX_COUNTED:,}" if ahead > MAX_COUNTED else f"{ahead:,}"
    return f"its turn: {counted} {'context is' if ahead == 1 else 'contexts are'} ahead"


def _next_try(context: Context) -> str | None:
    due = context.next_retry_at
    if due is None or due <= clock.now():
        return None
    if not context.error or not context.retry_count:
        return f"its next try at {to_iso(due)}"
    component, kind = context.error.get("component"), context.error.get("type")
    return f"retry {context.retry_count} of {RETRIES} at {to_iso(due)}, after {component} failed ({kind})"
