"""Turns generated content into the final form."""

import asyncio
import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import Field

from components.builtin.document import Block, build, shortened, words_in
from components.builtin.formats import to_html, to_markdown, to_plain, with_contents
from components.builtin.sections import structure_in
from components.contract import Component, ComponentConfig, ContextView, Tools

WORDS_PER_MINUTE = 200
# longer texts are formatted beside the event loop, where hundreds of other contexts run
LONG_CHARACTERS = 20_000


class Format(StrEnum):
    MARKDOWN = "markdown"
    HTML = "html"
    PLAIN = "plain"


class TransformerConfig(ComponentConfig):
    """What the final form looks like."""

    format: Format = Field(default=Format.MARKDOWN, description="markdown, html (sanitised) or plain text.")
    toc: bool = Field(default=False, title="Table of contents", description="List the headings after the title.")
    max_heading_level: int = Field(
        default=6, ge=1, le=6, description="The deepest heading; deeper ones become bold lines."
    )
    max_length: int | None = Field(
        default=None, ge=1, description="The most words; a longer text is cut at a sentence and ends with […]."
    )


class Transformer(Component[TransformerConfig]):
    """Writes ``formatted_content {format, word_count, reading_time, content}``."""

    name = "transformer"
    description = "Turns the generated content into Markdown, HTML or plain text, with the library's images placed."
    Config = TransformerConfig
    reads = frozenset({"generated_content", "title", "template", "media"})
    writes = frozenset({"formatted_content"})

    async def process(self, context: ContextView, tools: Tools) -> dict[str, Any]:
        if len(str(context.data.get("generated_content"))) > LONG_CHARACTERS:
            formatted = await asyncio.to_thread(self._formatted, context.data)
        else:
            formatted = self._formatted(context.data)
        return {"formatted_content": formatted}

    def _formatted(self, data: Mapping[str, Any]) -> dict[str, Any]:
        blocks = self._blocks(data)
        words = words_in(blocks)
        return {
            "format": self.config.format.value,
            "word_count": words,
            "reading_time": reading_time(words),
            "content": _WRITERS[self.config.format](blocks),
        }

    def _blocks(self, data: Mapping[str, Any]) -> list[Block]:
        config = self.config
        blocks = build(data, structure_in(data), max_level=config.max_heading_level)
        if not config.toc:
            return shortened(blocks, config.max_length) if config.max_length else blocks
        if config.max_length:
            room = config.max_length - (words_in(with_contents(blocks)) - words_in(blocks))
            blocks = shortened(blocks, max(room, 1))
        return with_contents(blocks)


_WRITERS = {Format.MARKDOWN: to_markdown, Format.HTML: to_html, Format.PLAIN: to_plain}


def reading_time(words: int) -> str:
    """Return how long a reader takes, at 200 words a minute."""
    minutes = max(1, math.floor(words / WORDS_PER_MINUTE + 0.5))
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
