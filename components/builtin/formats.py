"""Writes a document's blocks as Markdown, HTML or plain text."""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import nh3

from components.builtin.document import SECTION_LEVEL, Block, Heading, Picture, Text, plain_block
from components.builtin.markdown_html import markdown_to_html
from components.builtin.markdown_text import without_html

CONTENTS = "Contents"
_HEADINGS = frozenset(f"h{level}" for level in range(1, 7))
_INLINE = frozenset({"a", "b", "br", "code", "del", "em", "i", "kbd", "mark", "s", "strong", "sub", "sup"})
_BLOCKS = frozenset({
    "blockquote", "dd", "div", "dl", "dt", "hr", "img", "li", "ol", "p", "pre",
    "span", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
})  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"style", "colspan", "rowspan"},
    "th": {"style", "colspan", "rowspan"},
}
_SCHEMES = {"http", "https", "mailto"}


@dataclass(frozen=True)
class Contents(Text):
    """A table of contents: links that we wrote ourselves."""


def with_contents(blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks with a table of contents after the title."""
    at = 1 if isinstance(blocks[0], Heading) and blocks[0].level == 1 else 0
    own = Heading(SECTION_LEVEL, CONTENTS)
    anchored = list(_anchored([*blocks[:at], own, *blocks[at:]]))[at + 1 :]
    lines = [_entry(block, anchor) for block, anchor in anchored if isinstance(block, Heading)]
    if not lines:
        return list(blocks)
    return [*blocks[:at], own, Contents("\n".join(lines)), *blocks[at:]]


def _entry(block: Heading, anchor: str) -> str:
    indent = "    " * (block.level - SECTION_LEVEL)
    return f"{indent}- [{_escape_marks(plain_block(block))}](#{anchor})"


def _escape_marks(text: str) -> str:
    return re.sub(r"([\\\[\]`*_<>])", r"\\\1", text)


def _anchored(blocks: Sequence[Block]) -> Iterator[tuple[Block, str]]:
    """Yield each block with the anchor that GitHub and others give its heading."""
    seen: dict[str, int] = {}
    for block in blocks:
        if not isinstance(block, Heading):
            yield block, ""
            continue
        slug = re.sub(r"[^\w\- ]", "", plain_block(block).lower()).strip().replace(" ", "-") or "section"
        number = seen.get(slug, 0)
        seen[slug] = number + 1
        yield block, f"{slug}-{number}" if number else slug


def to_markdown(blocks: Sequence[Block]) -> str:
    """Write Markdown. HTML in a model's text is shown as text."""
    return "\n\n".join(written for block in blocks if (written := _markdown(block)))


def _markdown(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {without_html(block.text)}"
    if isinstance(block, Picture):
        url = block.url.replace("(", "%28").replace(")", "%29")
        return f"![{_escape_marks(block.alt)}]({url})"
    return block.markdown if isinstance(block, Contents) else without_html(block.markdown)


def to_plain(blocks: Sequence[Block]) -> str:
    """Write plain text, without pictures and marks."""
    return "\n\n".join(written for block in blocks if (written := plain_block(block)))


def to_html(blocks: Sequence[Block]) -> str:
    """Write sanitised HTML: each block by itself, so that none can reach into the next."""
    return "\n".join(_html(block, anchor) for block, anchor in _anchored(blocks))


def _html(block: Block, anchor: str) -> str:
    if isinstance(block, Heading):
        words = _clean(markdown_to_html(f"# {block.text}"), _INLINE - {"a"})
        return f'<h{block.level} id="{html.escape(anchor)}">{words}</h{block.level}>'
    if isinstance(block, Picture):
        return _html_picture(block)
    allowed = _INLINE | _BLOCKS | {name for name in _HEADINGS if int(name[1]) > block.below}
    return _clean(markdown_to_html(block.markdown), allowed)


def _html_picture(block: Picture) -> str:
    size = "".join(f' {name}="{value}"' for name, value in (("width", block.width), ("height", block.height)) if value)
    return f'<p><img src="{html.escape(block.url)}" alt="{html.escape(block.alt)}"{size}></p>'


def _clean(text: str, tags: frozenset[str] | set[str]) -> str:
    return nh3.clean(
        text,
        tags=set(tags),
        attributes={name: set(names) for name, names in _ATTRIBUTES.items() if name in tags},
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer nofollow",
        filter_style_properties={"text-align"},
    ).strip()


def sanitised(text: str) -> str:
    """Return HTML with nothing in it but what an article is made of: no scripts, forms, frames or styles."""
    return nh3.clean(
        text,
        tags=set(_INLINE | _BLOCKS | _HEADINGS),
        attributes={**{name: set(names) for name, names in _ATTRIBUTES.items()}, **{h: {"id"} for h in _HEADINGS}},
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer nofollow",
        filter_style_properties={"text-align"},
    ).strip()
