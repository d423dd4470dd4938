"""A finished text in other formats: nothing bad in it, and no text takes for ever."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.builtin.conversion import CONVERSIONS, converted
from components.builtin.transformer import Format

WAYS = [(source, target) for source, targets in CONVERSIONS.items() for target in targets]
HOSTILE = ["[" * 20_000, "<a " * 20_000, "![" * 10_000, "[a](" * 10_000, ("[" * 1900 + "\n\n") * 300, "> " * 2000]
# a mebibyte of lines that the library reads again and again, and of fences, which are only read where they are many
REPEATED = [
    "-\n",
    "***\n",
    "#\n",
    "# a\n",
    "a\n===\n",
    "```\n",
    "```a\n",
    "<div>\n\n",
    "- a\n\n1. b\n\n",
    "\\*",
    "&amp;",
]


@pytest.mark.parametrize(("source", "target"), WAYS)
@given(text=st.text() | st.text(alphabet="[]()<>!*_`#&-=|~\\ \nab"))
@settings(deadline=None, max_examples=50)
def test_no_text_breaks_a_conversion(source, target, text):
    written = converted(text, source=source, target=target)
    if target is Format.HTML:
        assert "<script" not in written
        assert converted(written, source=Format.HTML, target=Format.HTML) == written


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("target", CONVERSIONS[Format.MARKDOWN])
def test_hostile_markdown_is_read_in_seconds(target, text):
    start = time.monotonic()
    converted(text, source=Format.MARKDOWN, target=target)
    assert time.monotonic() - start < 15


def test_a_costly_paragraph_is_shown_as_it_is_and_its_neighbours_are_read():
    text = f"# Title\n\n{'[' * 5000}\n\nSome **bold** words."
    written = converted(text, source=Format.MARKDOWN, target=Format.HTML)
    assert '<h1 id="title">Title</h1>' in written
    assert f"<p>{'[' * 5000}</p>" in written
    assert "<strong>bold</strong>" in written


def test_there_is_no_way_from_html_to_markdown():
    with pytest.raises(KeyError):
        converted("<p>x</p>", source=Format.HTML, target=Format.MARKDOWN)


@pytest.mark.parametrize("unit", REPEATED)
def test_a_mebibyte_of_one_mark_is_read_in_seconds(unit):
    start = time.thread_time()
    assert converted(unit * (1024 * 1024 // len(unit)), source=Format.MARKDOWN, target=Format.HTML)
    assert time.thread_time() - start < 15


def test_lists_nested_too_deeply_are_shown_as_they_are():
    text = "\n".join("    " * level + "- a" for level in range(600))
    assert converted(text, source=Format.MARKDOWN, target=Format.HTML).count("- a") == 600
