"""Components that do what components must not do."""

import asyncio
import time
from typing import Any

from components.contract import Component, ContextView, Tools

STARTUP_SECONDS = time.process_time()


class Nested(Component[Any]):
    """Never yields to the event loop, in a task of its own."""

    name = "nested_blocker"
    description = "Blocks its worker from a task of its own."

    async def process(self, context: ContextView, tools: Tools) -> dict[str, Any]:
        async def block() -> None:
            time.sleep(60)  # noqa: ASYNC251 - that is the point

        await asyncio.create_task(block())
        return {}


class Busy(Component[Any]):
    """Works hard for three seconds of its own time, and yields now and then."""

    name = "busy"
    description = "Computes."

    async def process(self, context: ContextView, tools: Tools) -> dict[str, Any]:
        while time.process_time() < STARTUP_SECONDS + 3:
            until = time.monotonic() + 0.05
            while time.monotonic() < until:
                pass
            await asyncio.sleep(0)
        return {}


class Blocker(Component[Any]):
    """Never yields to the event loop."""

    name = "blocker"
    description = "Blocks its worker."

    async def process(self, context: ContextView, tools: Tools) -> dict[str, Any]:
        time.sleep(60)  # noqa: ASYNC251 - that is the point
        return {}
