"""Components that kill, hold, flood or leave their worker; COMPONENTS names them."""

import ctypes
import os
import resource
import time
from typing import Any

from components.contract import Component, ComponentConfig, ContextView, Tools

MEBIBYTE = 1024 * 1024
ROOM_BYTES = 256 * MEBIBYTE


class Own(BaseException):
    """What nobody catches who catches exceptions."""


class Exits(Component[Any]):
    name = "exits"
    description = "Ends its process at once."

    async def process(self, context: ContextView, tools: Tools) -> dict[str, Any]:
        os._exit(3)


class Segfaults(Component[Any]):
    name = "segfaults"
    description = "Reads where nothing is."

    async def process(self, context: ContextView, tools: Tools) -> dict[str, Any]:
        ctypes.string_at(0)
        return {}


class Hogs(Component[Any]):
    name = "hogs"
    description = "Takes memory until it gets none."

    async def process(self, context: ContextView, tools: Tools) -> dict[str, Any]:
        with open("/proc/self/statm") as pages:  # noqa: ASYNC230 - not a file that lies on a disk
            used = int(pages.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + ROOM_BYTES, resource.RLIM_INFINITY))
        taken = [bytearray(MEBIBYTE)]
        while taken:
            taken.append(bytearray(8 * MEBIBYTE))
        return {}


class Blocks(Component[Any]):
    name = "blocks"
    description = "Never yields."

    async def process(self, context: ContextView, tools: Tools) -> dict[str, Any]:
        time.sleep(60)  # noqa: ASYNC251 - that is the point
        return {}


class Floods(Component[Any]):
    name = "floods"
    description = "Answers with 50 MiB."
    writes = frozenset({"flood"})

    async def process(self, context: ContextView, tools: Tools) -> dict[str, Any]:
        return {"flood": "x" * (50 * MEBIBYTE)}


class RaisesConfig(ComponentConfig):
    what: str = "Own"


class Raises(Component[RaisesConfig]):
    name = "raises"
    description = "Raises what is no Exception."
    Config = RaisesConfig

    async def process(self, context: ContextView, tools: Tools) -> dict[str, Any]:
        kinds: list[type[BaseException]] = [KeyboardInterrupt, SystemExit, GeneratorExit, Own]
        raise {kind.__name__: kind for kind in kinds}[self.config.what]


BAD_COMPONENTS = (Exits, Segfaults, Hogs, Blocks, Floods, Raises)
COMPONENTS = ",".join(f"{kind.__module__}.{kind.__name__}" for kind in BAD_COMPONENTS)
