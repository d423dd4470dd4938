"""Turns Markdown into HTML within bounds. What comes out is still to be sanitised.

The library looks ahead to the end of a paragraph for each bracket: 20,000 of them in one take a minute. A paragraph
that would cost too much is shown as it is, without its marks being read.
"""

import html

import markdown

from components.builtin.markdown_text import Chunk, chunks

EXTENSIONS = ("fenced_code", "tables", "sane_lists")
# Characters times brackets; a million takes about 0.2 s. A paragraph of 3000 characters with 30 links has 90,000.
MAX_CHUNK_COST = 4_000_000
MAX_COST = 12_000_000


def markdown_to_html(text: str, *extensions: str) -> str:
    """Return the HTML of a whole text."""
    return markdown.markdown(_tamed(text), extensions=[*EXTENSIONS, *extensions])


def _tamed(text: str) -> str:
    """Return the text with its costly paragraphs as finished HTML; a text without any is left as it is."""
    if _cost(text) <= MAX_CHUNK_COST:
        return text
    budget = MAX_COST
    parts: list[str] = []
    for part in chunks(text):
        cost = 0 if part.is_code else _cost(part.text)
        is_read = cost <= min(MAX_CHUNK_COST, budget)
        budget -= cost if is_read else 0
        parts.append(part.text if is_read else _shown(part))
    return "\n\n".join(parts)


def _cost(text: str) -> int:
    return len(text) * (text.count("[") + text.count("<") + text.count("!["))


def _shown(part: Chunk) -> str:
    return f"<p>{html.escape(part.text)}</p>"
