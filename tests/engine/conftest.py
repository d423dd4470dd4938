"""Contexts in the database, made short."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from base import clock
from contexts.claim_order import claim_order
from contexts.models import Context
from contexts.states import Status
from tests.contexts.rows import just_now
from users.models import Organization

MakeContext = Callable[..., Context]


def milliseconds(moment: datetime) -> int:
    """Return the place that a context takes which is submitted then, where nobody waits."""
    return int(moment.timestamp() * 1000)


@pytest.fixture
def make_context(organization: Organization) -> MakeContext:
    def make(**changes: Any) -> Context:
        now = clock.now()
        values: dict[str, Any] = {
            "organization": organization,
            "type": "article",
            "pipeline": ["template", "ai_generator", "transformer"],
            "data": {"title": "A title", "keywords": ["one"], "tone": "technical"},
            "claim_order": claim_order(milliseconds(now), 50),
            **changes,
        }
        if values.get("status") == Status.RETRYING:
            values.setdefault("next_retry_at", just_now())
            values.setdefault("started_at", now)
        return Context.objects.create(**values)

    return make
