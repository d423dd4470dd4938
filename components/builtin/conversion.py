"""Turns a finished text from the format that it was written in into another. Pure.

Markdown and plain text become anything; HTML becomes plain text. Whatever comes out as HTML is sanitised, wherever it
came from.
"""

import html
import re
from html.parser import HTMLParser

from components.builtin.formats import sanitised
from components.builtin.markdown_html import markdown_to_html
from components.builtin.markdown_text import plain
from components.builtin.transformer import Format

CONVERSIONS: dict[Format, tuple[Format, ...]] = {
    Format.MARKDOWN: (Format.MARKDOWN, Format.HTML, Format.PLAIN),
    Format.HTML: (Format.HTML, Format.PLAIN),
    Format.PLAIN: (Format.PLAIN, Format.MARKDOWN, Format.HTML),
}
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~]|^[ \t]*(?:[-+=]|\d+[.)]))", re.MULTILINE)
_ENDS_LINE = frozenset(
    ("br", "p", "li", "tr", "dt", "dd", "pre", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote")
)
_ENDS_PARAGRAPH = frozenset(("p", "ul", "ol", "dl", "table", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote"))


def converted(text: str, *, source: Format, target: Format) -> str:
    """Return ``text`` in the target's format.

    Raises:
        KeyError: there is no way from the one to the other; `CONVERSIONS` lists the ways.
    """
    if target not in CONVERSIONS[source]:
        raise KeyError(target)
    if target is Format.HTML:
        return sanitised(_to_html(text, source))
    if source is target:
        return text
    if target is Format.MARKDOWN:
        return _MARKS.sub(_escaped_mark, text)
    return plain(text) if source is Format.MARKDOWN else _text_of(text)


def _to_html(text: str, source: Format) -> str:
    if source is Format.HTML:
        return text
    if source is Format.MARKDOWN:
        return markdown_to_html(text, "toc")
    paragraphs = [part for part in re.split(r"\n{2,}", text) if part.strip()]
    return "\n".join(f"<p>{html.escape(part).replace(chr(10), '<br>')}</p>" for part in paragraphs)


def _escaped_mark(match: re.Match[str]) -> str:
    mark = match[0]
    return f"{mark[:-1]}\\{mark[-1]}"


class _Reader(HTMLParser):
    """Collects what a reader reads."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.pieces.append("\n")
        elif tag == "li":
            self.pieces.append("- ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _ENDS_PARAGRAPH:
            self.pieces.append("\n\n")
        elif tag in _ENDS_LINE:
            self.pieces.append("\n")
        elif tag in ("td", "th"):
            self.pieces.append("  ")


def _text_of(text: str) -> str:
    reader = _Reader()
    reader.feed(sanitised(text))
    reader.close()
    lines = "".join(reader.pieces).replace("\xa0", " ").split("\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip()
