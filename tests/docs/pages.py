"""Reads the Markdown pages of the checkout: their tables, code blocks, links and headings."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCED = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """Return a page without its code blocks."""
    return _FENCED.sub("", text_of(page))


def code_blocks(text: str, language: str) -> list[str]:
    """Return the code blocks of a language, in order."""
    return [code for found, code in _FENCED.findall(text) if found == language]


def between(text: str, name: str) -> str:
    """Return what stands between ``<!-- name: begin -->`` and ``<!-- name: end -->``."""
    return text.split(f"<!-- {name}: begin -->")[1].split(f"<!-- {name}: end -->")[0]


def section(page: Path, heading: str) -> str:
    """Return what stands under a heading of the second level."""
    parts = re.split(r"^## (.+)$", text_of(page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading]


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of every table row but the heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rules = {number for number, cells in enumerate(rows) if set("".join(cells)) <= set("-: ")}
    return [cells for number, cells in enumerate(rows) if not {number, number + 1} & rules]


def links(page: Path) -> list[str]:
    """Return every relative link and picture of a page, as written."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """Return the names that a link to a heading of the page may use."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
