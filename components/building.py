"""Makes the components of a drain's steps, once for many contexts: components are stateless."""

from functools import lru_cache
from typing import Any

import orjson

from components.adapters import RunSync
from components.contract import Component
from components.fresh import Fresh
from components.pipeline import Step
from components.registry import component_types
from components.services import component_build

# How long a configured component may be kept; base/shared_answers.py counts on it.
ROW_SECONDS = 0.4
KEPT = 256


class Builder:
    """Builds for one event loop.

    Args:
        run_sync: for configured components, whose rows are read from the database.
    """

    def __init__(self, run_sync: RunSync) -> None:
        self._run_sync = run_sync
        self._rows: Fresh[Component[Any]] = Fresh(seconds=ROW_SECONDS, size=KEPT)

    async def build(self, step: Step) -> Component[Any]:
        """Return the component of a step with the settings that hold now.

        Raises:
            PermanentError: as `component_build`.
        """
        settings = orjson.dumps(step.overrides, option=orjson.OPT_SORT_KEYS)
        if step.component in component_types():  # needs no database, so no thread
            return _build(step.component, settings)
        return await self._rows.get((step.component, settings), lambda: self._load(step))

    async def _load(self, step: Step) -> Component[Any]:
        component: Component[Any] = await self._run_sync(component_build, step)
        return component

    async def aclose(self) -> None:
        """Stop what is still being read."""
        await self._rows.aclose()


@lru_cache(maxsize=KEPT)
def _build(name: str, settings: bytes) -> Component[Any]:
    return component_build(Step(name, name, overrides=orjson.loads(settings)))
