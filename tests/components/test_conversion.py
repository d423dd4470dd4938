"""A finished text in other formats: nothing bad in it, and no text takes for ever."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.builtin.conversion import CONVERSIONS, converted
from components.builtin.transformer import Format

WAYS = [(source, target) for source, targets in CONVERSIONS.items() for target in targets]
HOSTILE = ["[" * 20_000, "<a " * 20_000, "![" * 10_000, "[a](" * 10_000, ("[" * 1900 + "\n\n") * 300, "> " * 2000]


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
