"""What the helper process is asked to do for the plain way."""

import time
from typing import Any

from django.db import transaction
from django_q.tasks import async_task

from base import clock
from benchmarks import work
from contexts.models import Context, new_context_id
from contexts.states import Status
from users.services import organization_default

TASK = "benchmarks.plain.tasks.work"


def submit(count: int) -> dict[str, Any]:
    """Store so many contexts and a task for each in one transaction, so that the workers see all of them at once.

    Answers when that was done (monotonic seconds).
    """
    rows = [_row(number) for number in range(count)]
    with transaction.atomic():
        Context.objects.bulk_create(rows)
        for row in rows:
            async_task(TASK, row.pk)
    return {"returned_at": time.monotonic()}


def _row(number: int) -> Context:
    posted = work.context(number)
    now = clock.now()
    return Context(
        id=new_context_id(),
        organization=organization_default(),
        type=posted["type"],
        title=posted["data"]["title"],
        status=Status.PENDING,
        pipeline=posted["pipeline"],
        data=posted["data"],
        created_at=now,
        updated_at=now,
    )
