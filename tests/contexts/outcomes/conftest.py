"""Contexts that have ended, and a clock that a test moves."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from base import clock
from contexts.failure import failure
from contexts.models import Context
from contexts.states import Status
from tests.contexts.rows import ERROR, make_context, step_run

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def it_is(moment: datetime) -> None:
    """Set the clock; it goes on from there."""
    seconds = time.monotonic()
    clock.follow(moment, asked_at=seconds, answered_at=seconds)


@pytest.fixture
def end(organization) -> Callable[..., Context]:
    """Store a context that has ended, after one call of a model: 100 tokens in, 20 out, one cent."""
    it_is(NOON)

    def make(
        moment: datetime = NOON, status: Status = Status.COMPLETED, owner: Any = organization, **fields: Any
    ) -> Context:
        run = step_run("ai_generator", input_tokens=100, output_tokens=20, cost_usd=0.01)
        values: dict[str, Any] = {
            "ended_at": moment,
            "created_at": moment - timedelta(seconds=10),
            "attempts": 1,
            "template_id": "tmpl_a",
            "step_runs": [run],
            **failure(dict(ERROR) if status == Status.FAILED else None),
        }
        return make_context(owner, status, **(values | fields))

    return make
