"""The finished text as a list of blocks: headings, texts and pictures. Every format is written from it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from components.builtin.markdown_text import chunks, contained, count_words, one_line, plain
from components.builtin.sections import parts_of
from components.errors import PermanentError
from templates_app.structure import Structure

TITLE_LEVEL = 1
SECTION_LEVEL = 2
OMISSION = "[…]"
# the gap after a full stop and perhaps a closing mark; also after the full stops of Chinese and Japanese
_STOP = r"[.!?\u2026\u3002\uff01\uff1f]"
SENTENCE_END = re.compile(rf"(?<={_STOP})\s+|(?<={_STOP}[\"'\u201d\u2019)\]])\s+")
SAFE_URL = re.compile(r"^(?:https?://|/(?!/))[^\s<>\"'\\]+$", re.IGNORECASE)


@dataclass(frozen=True)
class Heading:
    level: int
    text: str


@dataclass(frozen=True)
class Text:
    """Markdown that stays below the heading of this level."""

    markdown: str
    below: int = SECTION_LEVEL


@dataclass(frozen=True)
class Picture:
    url: str
    alt: str
    width: int | None = None
    height: int | None = None


Block = Heading | Text | Picture


def build(data: Mapping[str, Any], structure: Structure | None, *, max_level: int) -> list[Block]:
    """Return the blocks for ``data.generated_content``, in the template's order, pictures between the parts.

    Raises:
        PermanentError: there is no such content, or it has another shape.
    """
    groups = _place_pictures(_groups(data, structure), _pictures(data.get("media")))
    blocks = [block for group in groups for block in group]
    title = data.get("title")
    if isinstance(title, str) and one_line(title):
        blocks.insert(0, Heading(TITLE_LEVEL, one_line(title)))
    return [_limited(block, max_level) for block in blocks]


def _limited(block: Block, max_level: int) -> Block:
    if isinstance(block, Text):
        return Text(contained(block.markdown, below=block.below, max_level=max_level), block.below)
    if isinstance(block, Heading) and block.level > max_level:
        return Text(f"**{block.text.strip('*')}**", below=max_level)
    return block


def _groups(data: Mapping[str, Any], structure: Structure | None) -> list[list[Block]]:
    content = data.get("generated_content")
    if not isinstance(content, Mapping) or not content:
        raise PermanentError(
            "There is no generated_content to format: put the 'ai_generator' component before this step.",
            type="content_missing",
        )
    headings = {part.key: part.section.heading for part in parts_of(structure)} if structure else {}
    order = [*(key for key in headings if key in content), *(key for key in content if key not in headings)]
    return [group for key in order for group in _part(key, content[key], headings.get(key))]


def _part(key: str, value: Any, heading: str | None) -> list[list[Block]]:
    if isinstance(value, str):
        return [[Heading(SECTION_LEVEL, one_line(heading or "") or _readable(key)), Text(value)]]
    if not isinstance(value, Sequence):
        raise _wrong_shape(key)
    level = SECTION_LEVEL + 1 if heading else SECTION_LEVEL
    passages = [_passage(f"{key}/{index}", item, level) for index, item in enumerate(value)]
    return [[Heading(SECTION_LEVEL, one_line(heading))], *passages] if heading else passages


def _passage(place: str, item: Any, level: int) -> list[Block]:
    texts = [item.get("heading"), item.get("content")] if isinstance(item, Mapping) else [None]
    if not all(isinstance(text, str) for text in texts):
        raise _wrong_shape(place)
    heading = one_line(str(texts[0]))
    return [*([Heading(level, heading)] if heading else []), Text(str(texts[1]), below=level)]


def _wrong_shape(place: str) -> PermanentError:
    return PermanentError(
        f"data.generated_content/{place} is neither a text nor a list of {{heading, content}}.", type="invalid_data"
    )


def _readable(key: str) -> str:
    return key.replace("_", " ").capitalize()


def _pictures(media: Any) -> list[Picture]:
    # a client may send data.media too: whatever is no picture with a web address is left out
    items = media if isinstance(media, list) else []
    return [
        Picture(item["url"], one_line(str(item.get("alt") or "")), _size(item.get("width")), _size(item.get("height")))
        for item in items
        if isinstance(item, Mapping) and isinstance(item.get("url"), str) and SAFE_URL.match(item["url"])
    ]


def _size(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _place_pictures(groups: list[list[Block]], pictures: list[Picture]) -> list[list[Block]]:
    """Put the first picture after the first part, each further one a part later, none after the last part."""
    placed = [list(group) for group in groups]
    last_slot = max(0, len(placed) - 2)
    for number, picture in enumerate(pictures):
        placed[min(number, last_slot)].append(picture)
    return placed


def words_in(blocks: Sequence[Block]) -> int:
    """Count the words that a reader reads."""
    return sum(count_words(plain_block(block)) for block in blocks)


def plain_block(block: Block) -> str:
    """Return what a reader reads of a block; a picture is not read."""
    if isinstance(block, Heading):
        return plain(f"# {block.text}")
    return plain(block.markdown) if isinstance(block, Text) else ""


def shortened(blocks: list[Block], limit: int) -> list[Block]:
    """Return the blocks with at most ``limit`` words, cut at a sentence where one fits; the cut is marked ``[…]``."""
    if words_in(blocks) <= limit:
        return blocks
    kept: list[Block] = []
    left = limit
    for block in blocks:
        words = count_words(plain_block(block))
        if words > left:
            kept += _cut(block, left, may_break=not any(isinstance(before, Text) for before in kept))
            break
        kept.append(block)
        left -= words
    while len(kept) > 1 and isinstance(kept[-1], Heading | Picture) and kept[-1] != blocks[0]:
        kept.pop()
    return [*kept, Text(OMISSION)]


def _cut(block: Block, limit: int, *, may_break: bool) -> list[Block]:
    if isinstance(block, Heading):
        return (
            [replace(block, text=_first_words(block.text, limit))] if may_break and block.level == TITLE_LEVEL else []
        )
    if not isinstance(block, Text):
        return []
    kept: list[str] = []
    for chunk in chunks(block.markdown):
        words = count_words(plain(chunk.text))
        if words > limit:
            kept += [] if chunk.is_code else _first_pieces(chunk.text, limit)
            break
        kept.append(chunk.text)
        limit -= words
    if not kept and may_break and limit:
        kept = [_first_words(plain(block.markdown), limit)]
    return [replace(block, markdown="\n\n".join(kept))] if kept else []


def _first_pieces(text: str, limit: int) -> list[str]:
    """Return as many whole lines of a list or a table, or else whole sentences, as there is room for."""
    is_lined = bool(re.match(r"\s*(?:[-*+>|]|\d+[.)])\s?", text))
    pieces = text.split("\n") if is_lined else SENTENCE_END.split(text)
    kept: list[str] = []
    for piece in pieces:
        limit -= count_words(plain(piece))
        if limit < 0:
            break
        kept.append(piece)
    return ["\n".join(kept) if is_lined else " ".join(kept)] if kept else []


def _first_words(text: str, limit: int) -> str:
    kept: list[str] = []
    for word in text.split():
        limit -= count_words(word)
        if limit < 0:
            break
        kept.append(word)
    return " ".join(kept)
