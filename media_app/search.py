"""The text that the library is searched in; written beside each asset, so that both databases search it alike.

It looks like ``|deep sea|fish| a whale in the deep sea fish ``: the tags whole between bars, then every word between
blanks. So ``|fish|`` finds a tag and `` whale `` a word, never a part of one. All is lower case.
"""

import re
from collections.abc import Iterable

_WORD = re.compile(r"\w+")
BAR = "|"


def tags_split(texts: Iterable[str]) -> list[str]:
    """Return the tags of comma-separated texts, as they were written."""
    return [tag for text in texts for part in text.split(",") if (tag := part.strip())]


def tag_normal(tag: str) -> str:
    """Return a tag as it is stored and compared: lower case, single blanks."""
    return " ".join(tag.lower().split())


def tag_needle(tag: str) -> str:
    """Return what stands in the search text of every asset with this tag."""
    return f"{BAR}{tag_normal(tag)}{BAR}"


def words_normal(text: str) -> str:
    """Return the words of a text: lower case, single blanks, no punctuation."""
    return " ".join(_WORD.findall(text.lower()))


def words_needle(text: str) -> str:
    """Return what stands in the search text of every asset that names these words one after the other."""
    return f" {words_normal(text)} "


def search_text(*, title: str, alt: str, tags: Iterable[str]) -> str:
    """Return the text to search an asset in."""
    labels = [tag_normal(tag) for tag in tags]
    bars = f"{BAR}{BAR.join(labels)}{BAR}" if labels else ""
    # bars between the parts too: a phrase must not run from the title into the tags
    return bars + BAR.join(words_needle(part) for part in (title, alt, *labels))
