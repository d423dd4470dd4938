"""Turns Markdown into HTML within bounds. What comes out is still to be sanitised.

The library looks ahead to the end of a paragraph for each bracket, and copies the rest of it for each line that is a
heading or a rule: 20,000 brackets or ten thousand dashes in one take a minute, in a thread that nobody can stop. A
paragraph that would cost too much is shown as it is, without its marks being read.
"""

import html
import re

import markdown

from components.builtin.markdown_text import Chunk, chunks

EXTENSIONS = ("fenced_code", "tables", "sane_lists")
# A million takes about 0.2 s. A paragraph of 3000 characters with 30 links costs 90,000.
MAX_CHUNK_COST = 4_000_000
MAX_COST = 12_000_000
LINE_COST = 250
CHARACTERS_COPIED_PER_COST = 200
MARK_COST = 120
_BRACKETS = ("[", "<", "![")
_MARKS = ("*", "_", "\\", "`", "&", ">", "|", "  \n")
# headings, what underlines them, rules, fences
_RULES = re.compile(r"^ {0,3}(?:#|=|`{3}|~{3}|(?:[-*_][ \t]*)+$)", re.MULTILINE)


def markdown_to_html(text: str, *extensions: str) -> str:
    """Return the HTML of a whole text."""
    parts = [Chunk((text,))] if _cost(text) <= MAX_CHUNK_COST else chunks(text)
    count = _affordable(parts, len(text))
    read = "\n\n".join(_readable(part) for part in parts[:count])
    try:
        done = markdown.markdown(read, extensions=[*EXTENSIONS, *extensions])
    except RecursionError:  # lists or quotations some hundred levels deep
        done, count = "", 0
    return "\n".join([done, *map(_shown, parts[count:])]).strip("\n")


def _affordable(parts: list[Chunk], length: int) -> int:
    """Return how many parts can be read; the library copies the whole text for some of them."""
    spent = 0
    for count, part in enumerate(parts):
        cost = 0 if part.is_code else _cost(part.text)
        spent += length // CHARACTERS_COPIED_PER_COST + (cost if cost <= MAX_CHUNK_COST else 0)
        if spent > MAX_COST:
            return count
    return len(parts)


def _readable(part: Chunk) -> str:
    """Return a part as it is, or as finished HTML where it would cost too much."""
    return part.text if part.is_code or _cost(part.text) <= MAX_CHUNK_COST else _shown(part)


def _cost(text: str) -> int:
    """Estimate the library's work, measured on texts that are nothing but one mark."""
    brackets, marks = (sum(map(text.count, kinds)) for kinds in (_BRACKETS, _MARKS))
    rules = sum(1 for _ in _RULES.finditer(text))
    by_length = brackets + rules / 4 + marks / 1000
    return round(len(text) * by_length) + LINE_COST * (text.count("\n") + 1) + MARK_COST * marks


def _shown(part: Chunk) -> str:
    return f"<p>{html.escape(part.text)}</p>"
