"""When a failed context is tried again: a pure decision of (error, retries so far, policy)."""

import random
from dataclasses import dataclass
from datetime import timedelta

MAX_RETRY_AFTER_SECONDS = 3600.0


@dataclass(frozen=True)
class RetryPolicy:
    """How often and when.

    Args:
        delays_seconds: one per retry; after the last one the context has failed.
        jitter: the share by which a delay may be shorter or longer, so that retries do not come all at once.
    """

    delays_seconds: tuple[float, ...] = (5.0, 15.0, 30.0)
    jitter: float = 0.2


def retry_delay(
    *, retryable: bool, retry_count: int, policy: RetryPolicy, retry_after: float | None = None
) -> timedelta | None:
    """Return how long to wait before the next try, or None for never.

    Args:
        retry_after: what the provider asked for; it wins over our own delay, within an hour.
    """
    if not retryable or retry_count >= len(policy.delays_seconds):
        return None
    if retry_after is not None:
        return timedelta(seconds=min(max(retry_after, 0.0), MAX_RETRY_AFTER_SECONDS))
    spread = random.uniform(1 - policy.jitter, 1 + policy.jitter)  # noqa: S311 - no secret depends on it
    return timedelta(seconds=policy.delays_seconds[retry_count] * spread)
