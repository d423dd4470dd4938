"""Contexts in the database, made short."""

from collections.abc import Callable
from typing import Any

import pytest

from base import clock
from contexts.models import Context
from contexts.states import Status
from contexts.submission import claim_order
from users.models import Organization

MakeContext = Callable[..., Context]


@pytest.fixture
def make_context(organization: Organization) -> MakeContext:
    def make(**changes: Any) -> Context:
        now = clock.now()
        values: dict[str, Any] = {
            "organization": organization,
            "type": "article",
            "pipeline": ["template", "ai_generator", "transformer"],
            "data": {"title": "A title", "keywords": ["one"], "tone": "technical"},
            "claim_order": claim_order(now, 50),
            **changes,
        }
        if values.get("status") == Status.RETRYING:
            values.setdefault("next_retry_at", now)
            values.setdefault("started_at", now)
        return Context.objects.create(**values)

    return make
