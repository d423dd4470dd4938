"""The final form: the seed's strings, untrusted text, options, pictures."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.builtin.markdown_text import count_words
from components.builtin.transformer import Transformer, TransformerConfig, reading_time
from components.errors import PermanentError
from tests.components.conftest import NO_TOOLS, view
from tests.conftest import SEED


async def formatted(data: dict[str, Any], **config: Any) -> dict[str, Any]:
    result = await Transformer(TransformerConfig(**config)).process(view(data), NO_TOOLS)
    assert list(result) == ["formatted_content"]
    assert list(result["formatted_content"]) == ["format", "word_count", "reading_time", "content"]
    content: dict[str, Any] = result["formatted_content"]
    return content


def article(introduction: str = "It begins.", **data: Any) -> dict[str, Any]:
    return {
        "title": "A title",
        "generated_content": {
            "introduction": introduction,
            "body": [{"heading": "First", "content": "One."}, {"heading": "Second", "content": "Two."}],
            "conclusion": "It ends.",
        },
        **data,
    }


async def test_seeds_content_becomes_the_seeds_text(seed_data):
    wanted = json.loads((SEED / "4-final.json").read_text())["data"]["formatted_content"]
    result = await formatted(seed_data)
    assert result["content"] == wanted["content"]
    assert result["format"] == "markdown"
    assert result["word_count"] == 34
    assert result["reading_time"] == "1 minute"


@pytest.mark.parametrize(
    ("words", "time"),
    [(0, "1 minute"), (299, "1 minute"), (300, "2 minutes"), (1250, "6 minutes"), (1300, "7 minutes")],
)
def test_reading_time_is_rounded_to_minutes(words, time):
    assert reading_time(words) == time


async def test_words_are_counted_without_marks_and_urls():
    text = (
        "**Bold** and _soft_ with [a link](https://example.org/a-b) and `code`.\n\n"
        "- one\n- two - three\n\n1. four\n\n> five\n\nhttps://example.org/six\n\n![alt](https://example.org/x.png)\n\n"
        "| a | b |\n|---|---|\n| c | d |\n\n---"
    )
    result = await formatted({"generated_content": {"introduction": text}})
    # Introduction + Bold and soft with a link and code + one two three four five + a b c d
    assert result["word_count"] == 1 + 8 + 5 + 4


async def test_word_count_is_the_same_in_every_format():
    data = article("Some **bold** text with `code` and a [link](https://example.org).")
    counts = {name: (await formatted(data, format=name))["word_count"] for name in ("markdown", "html", "plain")}
    assert len(set(counts.values())) == 1


@given(st.text(st.characters(codec="ascii", exclude_characters=".):"), max_size=200))
def test_words_of_ascii_are_what_stands_between_blanks_and_holds_a_letter_or_a_digit(text):
    assert count_words(text) == sum(any(sign.isalnum() for sign in word) for word in text.split())


async def test_chinese_signs_count_one_by_one():
    assert (await formatted({"generated_content": {"introduction": "微服务架构"}}))["word_count"] == 6


async def test_template_decides_order_and_headings():
    content = {"conclusion": "End.", "faq": [{"heading": "Why?", "content": "So."}], "introduction": "Start."}
    sections = [
        {"type": "introduction", "instructions": "x"},
        {"type": "faq", "sections": 1, "heading": "Questions", "instructions": "x"},
        {"type": "conclusion", "heading": "At last", "instructions": "x"},
    ]
    result = await formatted({"generated_content": content, "template": {"id": "t", "sections": sections}})
    assert result["content"] == ("## Introduction\n\nStart.\n\n## Questions\n\n### Why?\n\nSo.\n\n## At last\n\nEnd.")


async def test_heading_with_line_breaks_stays_one_heading():
    data = article()
    data["generated_content"]["body"][0]["heading"] = "# Evil\n\n# Title\n---\n<script>alert(1)</script>"
    content = (await formatted(data))["content"]
    assert "\n\n## Evil # Title --- &lt;script>alert(1)&lt;/script>\n\n" in content
    page = (await formatted(data, format="html"))["content"]
    assert page.count("<h1") == 1
    assert "alert" not in page


async def test_headings_in_a_text_stay_below_its_section():
    content = (await formatted(article("# Big\n\nText.\n\n### Small\n\nUnder\n=====\n\nMore")))["content"]
    assert "### Big\n\nText.\n\n##### Small\n\n### Under\n\nMore" in content
    assert [line for line in content.splitlines() if line.startswith("# ")] == ["# A title"]


async def test_code_block_that_never_ends_is_closed():
    content = (await formatted(article("Look:\n```python\n# no heading\nif a < b: <x>")))["content"]
    assert "```python\n# no heading\nif a < b: <x>\n```\n\n## First" in content
    page = (await formatted(article("Look:\n```python\n# no heading"), format="html"))["content"]
    assert '<h2 id="first">First</h2>' in page
    assert "# no heading" in page


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<!-- the rest is gone",
        "`a\n<script>b</script>`",
        "\\`<script>\\`",
        "- a\n  ```\n<script>x</script>",
        "> ```\n<script>x</script>",
        "``<script>`",
        "<SCRIPT\n>x",
    ],
)
async def test_html_in_markdown_is_shown_as_text(text):
    content = (await formatted(article(text)))["content"]
    assert "<script" not in content.lower()
    assert "<!--" not in content


async def test_code_and_links_in_angle_brackets_are_kept():
    content = (await formatted(article("Use `List<String>`, see <https://example.org>, 1 < 2.")))["content"]
    assert "Use `List<String>`, see <https://example.org>, 1 < 2." in content


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("<script>alert(1)</script>", ["<script", "alert(1)"]),
        ("<img src=x onerror=alert(1)>", ["onerror"]),
        ("[click](javascript:alert(1))", ["javascript:"]),
        ("<a href='jav&#9;ascript:alert(1)'>x</a>", ["script:"]),
        ("<iframe src='https://evil.example'></iframe>", ["<iframe"]),
        ("<svg/onload=alert(1)>", ["<svg", "onload"]),
        ("<h1>Fake title</h1>", ["<h1>Fake"]),
        ("<p style='position:fixed'>x</p>", ["position"]),
        ("<form action='https://evil.example'><input></form>", ["<form", "<input"]),
        ('![x](https://example.org/x.png" onerror="alert(1))', ['" onerror="']),
    ],
)
async def test_html_is_sanitised(text, never):
    page = (await formatted(article(text), format="html"))["content"]
    assert not [word for word in never if word in page]
    assert "<h2" in page


async def test_open_tag_does_not_reach_into_the_next_section():
    page = (await formatted(article("<div><b>open <!-- for ever"), format="html"))["content"]
    assert '<h2 id="first">First</h2>\n<p>One.</p>' in page


async def test_html_keeps_what_markdown_can_say():
    text = "A **bold** [link](https://example.org)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\n<code>\n```"
    page = (await formatted(article(text), format="html"))["content"]
    for expected in ("<strong>bold</strong>", 'href="https://example.org"', "<table>", "&lt;code&gt;"):
        assert expected in page


async def test_plain_text_has_no_marks():
    text = "A **bold** [link](https://example.org) and `x_y_z` &amp; snake_case_name\n\n- item"
    content = (await formatted(article(text), format="plain"))["content"]
    assert content.startswith("A title\n\nIntroduction\n\nA bold link and x_y_z & snake_case_name\n\n- item\n\nFirst")


async def test_contents_lists_the_headings_after_the_title():
    data = article()
    data["generated_content"]["body"][1]["heading"] = "First"
    content = (await formatted(data, toc=True))["content"]
    assert content.startswith(
        "# A title\n\n## Contents\n\n- [Introduction](#introduction)\n- [First](#first)\n- [First](#first-1)\n"
        "- [Conclusion](#conclusion)\n\n## Introduction"
    )
    page = (await formatted(data, toc=True, format="html"))["content"]
    assert '<a href="#first-1"' in page
    assert '<h2 id="first-1">First</h2>' in page


async def test_anchor_of_a_section_named_contents_is_right_too():
    data = {"title": "T", "generated_content": {"contents": "Text."}}
    page = (await formatted(data, toc=True, format="html"))["content"]
    assert '<a href="#contents-1"' in page
    assert page.count('id="contents-1"') == 1


@pytest.mark.parametrize("form", ["markdown", "html"])
async def test_headings_deeper_than_the_maximum_become_bold(form):
    content = (await formatted(article("### Deep\n\nText."), format=form, max_heading_level=2))["content"]
    assert "###" not in content
    assert "<h3" not in content
    assert ("**Deep**" if form == "markdown" else "<strong>Deep</strong>") in content
    shallow = (await formatted(article(), max_heading_level=1))["content"]
    assert "\n\n**First**\n\n" in shallow


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 8, 20, 60, 109])
@pytest.mark.parametrize("toc", [False, True])
async def test_length_is_never_more_than_the_maximum(limit, toc):
    data = article(" ".join(f"This is sentence number {number}." for number in range(20)))
    result = await formatted(data, max_length=limit, toc=toc)
    assert result["word_count"] <= limit
    assert result["content"].endswith("[…]")


async def test_long_text_is_cut_at_a_sentence_and_says_so():
    data = article("One two three. Four five six. Seven eight nine.")
    content = (await formatted(data, max_length=10))["content"]
    assert content == "# A title\n\n## Introduction\n\nOne two three. Four five six.\n\n[…]"


async def test_text_that_fits_is_not_cut():
    content = (await formatted(article(), max_length=1000))["content"]
    assert "[…]" not in content


def picture(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"m{number}",
        "url": f"/media/{number}.png",
        "alt": f"Alt {number}",
        "width": 4,
        "height": 3,
        **fields,
    }


async def test_pictures_stand_after_the_introduction_and_between_the_parts():
    content = (await formatted(article(media=[picture(1), picture(2), picture(3), picture(4)])))["content"]
    assert content == (
        "# A title\n\n## Introduction\n\nIt begins.\n\n![Alt 1](/media/1.png)\n\n## First\n\nOne.\n\n"
        "![Alt 2](/media/2.png)\n\n## Second\n\nTwo.\n\n![Alt 3](/media/3.png)\n\n![Alt 4](/media/4.png)\n\n"
        "## Conclusion\n\nIt ends."
    )


async def test_alt_text_is_escaped():
    data = article(media=[picture(1, alt='x](javascript:alert(1)) "><script>\nb')])
    content = (await formatted(data))["content"]
    assert '![x\\](javascript:alert(1)) "\\>\\<script\\> b](/media/1.png)' in content
    page = (await formatted(data, format="html"))["content"]
    assert "<script" not in page
    assert 'width="4" height="3"' in page


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//evil.example/x", 'https://x/"onload="', 7, None])
async def test_picture_without_a_web_address_is_left_out(url):
    assert "![" not in (await formatted(article(media=[picture(1, url=url)])))["content"]


async def test_media_of_another_shape_is_left_out():
    assert "![" not in (await formatted(article(media="yes")))["content"]


@pytest.mark.parametrize("data", [{}, {"generated_content": {}}, {"generated_content": "text"}])
async def test_missing_content_says_which_component_makes_it(data):
    with pytest.raises(PermanentError, match="ai_generator"):
        await formatted(data)


@pytest.mark.parametrize("value", [7, None, ["text"], [{"heading": "x"}], [{"heading": 1, "content": "x"}]])
async def test_content_of_another_shape_names_the_place(value):
    with pytest.raises(PermanentError, match="generated_content/body"):
        await formatted({"generated_content": {"body": value}})


@pytest.mark.parametrize(
    "unit",
    [
        "*",
        "* a",
        "[",
        "[a](",
        "![",
        "<!--",
        "<script ",
        "<a ",
        "_a ",
        "`",
        "` ",
        "# ",
        " #",
        "|-",
        "| a ",
        "> ",
        "-",
        ".",
    ],
)
@pytest.mark.parametrize("form", ["markdown", "plain"])
async def test_text_made_to_take_for_ever_does_not(unit, form):
    started = time.process_time()
    await formatted({"generated_content": {"introduction": f"# a{unit * 40_000} b"}}, format=form, max_length=1000)
    assert time.process_time() - started < 2


async def test_code_is_plain_text_to_the_letter():
    content = (await formatted(article("Use `List<String>` and `**kwargs`, **not `a_b`**."), format="plain"))["content"]
    assert "Use List<String> and **kwargs, not a_b." in content


async def test_long_text_is_formatted_too():
    data = article("A sentence of five words. " * 5000)
    assert (await formatted(data))["word_count"] > 25_000
