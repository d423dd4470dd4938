"""Components that do what components must not do."""

import time
from typing import Any

from components.contract import Component, ContextView, Tools


class Blocker(Component[Any]):
    """Never yields to the event loop."""

    name = "blocker"
    description = "Blocks its worker."

    async def process(self, context: ContextView, tools: Tools) -> dict[str, Any]:
        time.sleep(60)  # noqa: ASYNC251 - that is the point
        return {}
