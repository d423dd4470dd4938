"""Handles Markdown that a model wrote: keeps it inside its place, and reads it as plain text.

A model's text is untrusted. It may hold headings that outrank ours, code blocks that never end, or HTML.
"""

import html
import re
from dataclasses import dataclass

FENCE = re.compile(r"^(`{3,}[^`]*|~{3,}.*)$")
HEADING = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*))?$")
UNDERLINE = re.compile(r"^ {0,3}(=+|-+)[ \t]*$")
IN_A_BLOCK = re.compile(r"^(?: {0,3}(?:[-*+>|]|\d+[.)]\s|#{1,6}\s)| {4}|\t)")
CODE_SPAN = re.compile(r"\\.|(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
OPENS_HTML = re.compile(r"<(?!(?:https?://|mailto:)[^\s<>]+>)(?=[A-Za-z/!?])")
DEEPEST = 6


@dataclass(frozen=True)
class Chunk:
    """Lines that belong together: a fenced code block, or what stands between blank lines."""

    lines: tuple[str, ...]
    is_code: bool = False

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def chunks(text: str) -> list[Chunk]:
    """Split Markdown; a code block that was left open ends with the text.

    Only fences at the first column open one: others stand inside of a list or a quotation, which may end before
    they do.
    """
    found: list[Chunk] = []
    lines: list[str] = []
    fence = ""
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if fence:
            lines.append(line)
            if _closes(line, fence):
                found.append(Chunk(tuple(lines), is_code=True))
                lines, fence = [], ""
            continue
        opens = FENCE.match(line)
        if (opens or not line.strip()) and lines:
            found.append(Chunk(tuple(lines)))
            lines = []
        if opens:
            fence = line[: len(line) - len(line.lstrip(line[0]))]
        if line.strip():
            lines.append(line.rstrip() if fence else line)
    if lines:
        found.append(Chunk((*lines, fence), is_code=True) if fence else Chunk(tuple(lines)))
    return found


def _closes(line: str, fence: str) -> bool:
    stripped = line.strip()
    return len(stripped) >= len(fence) and set(stripped) == {fence[0]}


def joined(parts: list[Chunk]) -> str:
    """Return the chunks as one text again."""
    return "\n\n".join(part.text for part in parts)


def one_line(text: str) -> str:
    """Return text that cannot end a heading early or begin another: one line, without leading marks."""
    return " ".join(text.split()).lstrip("#").strip()


def contained(text: str, *, below: int, max_level: int) -> str:
    """Return Markdown that cannot break out of its section.

    Its headings come below the level of its section's, those deeper than ``max_level`` become bold lines, and a code
    block that was left open is closed.
    """
    parts = [part if part.is_code else Chunk(_with_marks(part.lines)) for part in chunks(text)]
    lines = [line for part in parts if not part.is_code for line in part.lines]
    levels = [len(match[1]) for line in lines if (match := HEADING.match(line))]
    shift = max(0, below + 1 - min(levels, default=DEEPEST))
    deepest = min(max_level, DEEPEST)
    return joined(
        [
            part if part.is_code else Chunk(tuple(_shifted(line, shift, deepest) for line in part.lines))
            for part in parts
        ]
    )


def _with_marks(lines: tuple[str, ...]) -> tuple[str, ...]:
    # words over "====" are a heading too; write it as one with marks, so that one rule handles both
    result: list[str] = []
    for line in lines:
        underline = UNDERLINE.match(line)
        if underline and result and not any(IN_A_BLOCK.match(before) for before in result):
            level = "#" if underline[1].startswith("=") else "##"
            result = [f"{level} {' '.join(before.strip() for before in result)}"]
        else:
            result.append(line)
    return tuple(result)


def _shifted(line: str, shift: int, deepest: int) -> str:
    match = HEADING.match(line)
    if match is None:
        return line
    level, words = len(match[1]) + shift, _without_closing_marks(match[2] or "")
    if not words:
        return ""
    return f"{'#' * level} {words}" if level <= deepest else f"**{words.strip('*')}**"


def _without_closing_marks(words: str) -> str:
    open_end = words.strip().rstrip("#")
    return open_end.strip() if not open_end or open_end[-1] in " \t" else words.strip()


def without_html(text: str) -> str:
    """Return Markdown in which HTML is shown as text: safe with any renderer, also one that does not sanitise."""
    if "<" not in text:
        return text
    return joined([part if part.is_code else Chunk(_escaped(part.lines)) for part in chunks(text)])


def _escaped(lines: tuple[str, ...]) -> tuple[str, ...]:
    if not any("<" in line for line in lines):
        return lines
    if any("`" in CODE_SPAN.sub("", line) for line in lines):
        # a code span may run on over the line's end: where nobody can say what is code, nothing is
        return tuple(OPENS_HTML.sub("&lt;", line) for line in lines)
    return tuple(_escaped_line(line) for line in lines)


def _escaped_line(line: str) -> str:
    if "<" not in line:
        return line
    pieces, at = [], 0
    for match in CODE_SPAN.finditer(line):
        pieces += [OPENS_HTML.sub("&lt;", line[at : match.start()]), match[0]]
        at = match.end()
    return "".join([*pieces, OPENS_HTML.sub("&lt;", line[at:])])


# (what must be there for the pattern to fit, the pattern, what takes its place); in this order: what stands inside of
# the earlier ones is read by the later ones. None scans ahead without bound: a model's text is untrusted.
_ADDRESS = r"\((?:[^()\s]|\([^()\s]*\))*(?:\s+\"[^\"()]*\")?\)"
_PLAIN = [
    ("![", re.compile(rf"!\[[^\[\]]*\]{_ADDRESS}"), ""),
    ("](", re.compile(rf"\[([^\[\]]*)\]{_ADDRESS}"), r"\1"),
    ("<", re.compile(r"<((?:https?://|mailto:)[^\s<>]+)>"), r"\1"),
    ("<", re.compile(r"</?[A-Za-z][^<>]*>"), ""),
    ("#", re.compile(r"^ {0,3}#{1,6}[ \t]+", re.MULTILINE), ""),
    (">", re.compile(r"^ {0,3}(?:>[ \t]?)+", re.MULTILINE), ""),
    ("*", re.compile(r"^ {0,3}(?:\*[ \t]*){3,}$", re.MULTILINE), ""),
    ("-", re.compile(r"^ {0,3}(?:-[ \t]*){3,}$", re.MULTILINE), ""),
    ("_", re.compile(r"^ {0,3}(?:_[ \t]*){3,}$", re.MULTILINE), ""),
    ("--", re.compile(r"^\|?(?:[ \t]*:?-{2,}:?[ \t]*\|)+[ \t:-]*$\n?", re.MULTILINE), ""),  # below a table's head
    ("*", re.compile(r"(\*{1,3})(?=\S)([^*\n]+)(?<=\S)\1"), r"\2"),
    ("~~", re.compile(r"~~(?=\S)([^~\n]+)(?<=\S)~~"), r"\1"),
    ("_", re.compile(r"(?<!\w)(_{1,3})(?=\S)([^_\n]+)(?<=\S)\1(?!\w)"), r"\2"),
    ("\\", re.compile(r"\\([\\`*_{}\[\]()#+.!<>|~-])"), r"\1"),
]
_UNSEEN = [(re.compile(r"<!--"), re.compile(r"-->"))] + [
    (re.compile(rf"<{name}\b", re.IGNORECASE), re.compile(rf"</{name}\s*>", re.IGNORECASE))
    for name in ("script", "style")
]
_TABLE_ROW = re.compile(r"^[ \t]*\|(.*)\|[ \t]*$", re.MULTILINE)
_KEPT = re.compile("\x00(\\d+)\x00")


def plain(text: str) -> str:
    """Return Markdown as a reader sees it: without marks; lists keep their dashes and numbers."""
    parts = [_plain_code(part) if part.is_code else _plain_words(part.text) for part in chunks(text)]
    return "\n\n".join(part for part in parts if part.strip())


def _plain_code(part: Chunk) -> str:
    return "\n".join(part.lines[1:-1])


def _plain_words(text: str) -> str:
    kept: list[str] = []
    if "`" in text:
        text = CODE_SPAN.sub(lambda match: _keep(match, kept), text)
    if "<" in text:
        text = _without_unseen(text)
    for needle, pattern, replacement in _PLAIN:
        if needle in text:
            text = pattern.sub(replacement, text)
    if "|" in text:
        text = _TABLE_ROW.sub(lambda match: "  ".join(cell.strip() for cell in match[1].split("|")), text)
    if "&" in text:
        text = html.unescape(text)
    return _KEPT.sub(lambda match: kept[int(match[1])], text).strip("\n")


def _keep(match: re.Match[str], kept: list[str]) -> str:
    """Put a code span aside, so that nothing in it is taken for a mark; an escaped sign stays where it is."""
    if match[2] is None:
        return match[0]
    kept.append(match[2])
    return f"\x00{len(kept) - 1}\x00"  # a stored text holds no NUL


def _without_unseen(text: str) -> str:
    for opening, closing in _UNSEEN:
        pieces, at = [], 0
        while (start := opening.search(text, at)) and (end := closing.search(text, start.end())):
            pieces.append(text[at : start.start()])
            at = end.end()
        text = "".join([*pieces, text[at:]])
    return text


_URL = re.compile(r"(?:https?://|www\.|mailto:)\S+")
_URL_MARKS = ("://", "www.", "mailto:")
_NUMBERED = re.compile(r"[ \t]*\d+[.)][ \t]")
_LETTER = re.compile(r"[^\W_]")
# for ASCII: a letter or digit becomes an x, a space a blank, and what is neither goes, so that words begin at " x"
_ASCII = [chr(code) for code in range(128)]
_SHAPES = bytes(ord("x" if sign.isalnum() else " ") for sign in _ASCII).ljust(256)
_MARKS = "".join(sign for sign in _ASCII if not sign.isalnum() and not sign.isspace()).encode()
# Chinese and Japanese write no spaces: each of their signs counts, as word processors do it
_SIGN = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")


def count_words(plain_text: str) -> int:
    """Count what a reader reads: marks, list numbers and URLs are no words."""
    # most texts hold no URL: that is found out ten times as fast without the pattern
    text = _URL.sub(" ", plain_text) if any(mark in plain_text for mark in _URL_MARKS) else plain_text
    numbers = sum(1 for line in text.split("\n") if _NUMBERED.match(line))
    if text.isascii():
        return (b" " + text.encode().translate(_SHAPES, _MARKS)).count(b" x") - numbers
    text, signs = _SIGN.subn(" ", text)
    return signs + sum(1 for word in text.split() if _LETTER.search(word)) - numbers
