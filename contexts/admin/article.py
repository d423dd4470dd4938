"""The finished text as a page may show it. Model text is untrusted: whatever leaves here as HTML was sanitised."""

import json
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from base.problems import Conflict
from components.builtin.conversion import converted
from components.builtin.transformer import Format
from contexts.content import finished_content
from contexts.models import Context
from contexts.states import OPEN, Status

SHOWN_CHARACTERS = 200_000
_NONE_YET: dict[str, str] = {
    Status.FAILED: "It failed before the article was written.",
    Status.CANCELLED: "It was cancelled before the article was written.",
    **dict.fromkeys(OPEN, "The article is not written yet."),
}


@dataclass(frozen=True)
class Article:
    """The article, or why there is none.

    Args:
        html: sanitised; empty where there is none.
    """

    html: SafeString | str
    why_not: str
    format: str = ""
    word_count: Any = ""
    reading_time: Any = ""


def article_of(context: Context) -> Article:
    """Return what a context's reader will read."""
    try:
        content = finished_content(context)
    except Conflict as problem:
        return Article("", _NONE_YET.get(context.status, problem.detail))
    html = converted(content.text[:SHOWN_CHARACTERS], source=content.format, target=Format.HTML)
    written = context.data["formatted_content"]
    return Article(
        html=mark_safe(html),  # noqa: S308 converted() sanitises whatever comes out as HTML
        why_not="",
        format=content.format.value,
        word_count=written.get("word_count", ""),
        reading_time=written.get("reading_time", ""),
    )


def pretty(value: Any, limit: int = SHOWN_CHARACTERS) -> str:
    """Return JSON to be read; a text that is too long for a page is cut, and says so."""
    return shortened(json.dumps(value, indent=2, ensure_ascii=False), limit)


def shortened(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """Return the text, cut where it is too long for a page."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n… {len(text) - limit} more characters; the API has them all."
