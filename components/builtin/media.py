"""Picks images from the media library."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field

from components.contract import Component, ComponentConfig, ContextView, Tools
from components.errors import PermanentError


class MediaConfig(ComponentConfig):
    """Which images to pick."""

    tags: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        default_factory=list, max_length=20, description="Every image must carry all of them."
    )
    limit: int = Field(default=3, ge=1, le=20, description="How many images at most.")


class MediaComponent(Component[MediaConfig]):
    """Writes ``media [{id, url, alt, width, height}]``, the best match first; empty where nothing fits."""

    name = "media"
    description = "Picks images from the media library by tags and by the context's keywords."
    Config = MediaConfig
    reads = frozenset({"keywords"})
    writes = frozenset({"media"})

    async def process(self, context: ContextView, tools: Tools) -> dict[str, Any]:
        found = await tools.media.find(tags=self.config.tags, keywords=_keywords(context.data), limit=self.config.limit)
        return {"media": [asdict(asset) for asset in found[: self.config.limit]]}


def _keywords(data: Mapping[str, Any]) -> list[str]:
    value = data.get("keywords") or []
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        raise PermanentError("data.keywords must be a list of texts.", type="invalid_data")
    return [item.strip() for item in items if item.strip()]
