"""What the helper process is asked to do in Draftline: through its services, as the API does it."""

import time
from typing import Any

from benchmarks import work
from contexts.batches import batch_submit
from contexts.submission import Submitter
from users.access import Scope
from users.services import apikey_create, organization_default


def prepare(count: int = 1) -> dict[str, Any]:
    """Make a key that may do everything with contexts."""
    scopes = [Scope.CONTEXTS_READ, Scope.CONTEXTS_WRITE]
    return {"key": apikey_create(name="bench", organization=organization_default(), scopes=scopes)[1]}


def submit(count: int) -> dict[str, Any]:
    """Submit so many contexts as one batch. Answers the batch's id and when the service returned (monotonic seconds).

    The contexts are held until all are stored, and are released at once at the end.
    """
    items = [work.context(number) for number in range(count)]
    batch, _ = batch_submit(items, submitter=Submitter(organization_default().pk))
    return {"returned_at": time.monotonic(), "batch_id": batch.pk}
