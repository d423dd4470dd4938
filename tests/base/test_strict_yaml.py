"""YAML that holds no surprise, and is read back as it was written."""

import pytest

from base.problems import InvalidInput
from base.strict_yaml import dump_yaml, parse_yaml

BOMB = "a: &a [x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdef", "bcdefg", strict=True)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: no", {"a": "no"}),
        ("a: 12:30", {"a": "12:30"}),
        ("a: 2024-05-01", {"a": "2024-05-01"}),
        ("a: 0x1f", {"a": "0x1f"}),
        ("a: 010", {"a": "010"}),
        ("a: 1.5", {"a": "1.5"}),
        ("a: .inf", {"a": ".inf"}),
        ("<<: {b: 1}", {"<<": {"b": 1}}),
        ("a: [1, -2, true, false, null, ~]", {"a": [1, -2, True, False, None, None]}),
        ("a:\r\n  b: |\r\n    one\r\n    two\r\n", {"a": {"b": "one\ntwo\n"}}),
        ("\ufeffa: 1", {"a": 1}),
        ("", None),
    ],
)
def test_words_are_what_they_look_like(text, value):
    assert parse_yaml(text.encode()) == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BOMB, "Line 1, column 4: anchors and aliases"),
        ("a: *a", "Line 1, column 4: anchors"),
        ("a: !!python/object/apply:os.system [id]", "Line 1, column 4: tags"),
        ("a: !x 1", "tags"),
        ("a: 1\nb: 2\na: 3", "Line 3, column 1: 'a' stands there twice"),
        ("{a: 1}: b", "a key must be a plain text"),
        ("[" * 30 + "]" * 30, "nested deeper"),
        ("a: 1\n---\nb: 2", "more documents"),
        ("[" + "1," * 100_001 + "]", "more documents or values"),
        ("a: [1", "Line 2"),
        ("a: \x00", "not valid YAML"),
    ],
)
def test_what_could_surprise_is_refused_with_its_place(text, told):
    with pytest.raises(InvalidInput) as caught:
        parse_yaml(text.encode())
    assert told in caught.value.detail


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(InvalidInput, match="not UTF-8"):
        parse_yaml(b"a: \xff")


PLAIN = [
    "no",
    "null",
    "12",
    "1.5",
    "-",
    "# x",
    "a: b",
    " lead",
    "trail ",
    "*a",
    "&a",
    "!x",
    "'",
    '"',
    "\\",
    "@x",
    "",
    "%",
]
LINES = ["one\ntwo\n", "\none", "x\n  y\n", "one \ntwo", "a\r\nb", "tab\t", "x\u2028y\nz", "\x85", "\n"]
OTHER = ["é 🎈", "{{ title }}", "{% if a %}", "x" * 500, "a " * 200, "word " * 60 + "\n" + "word " * 60]


@pytest.mark.parametrize("text", [*PLAIN, *LINES, *OTHER])
def test_what_is_written_is_read_back(text):
    value = {"list": [text, {"key": text}], "text": text, "number": 3, "range": [1, 2], "nothing": None, "yes": True}
    assert parse_yaml(dump_yaml(value).encode()) == value


def test_what_stands_twice_is_written_twice():
    twice = ["x"]
    assert "&" not in dump_yaml({"a": twice, "b": twice})


def test_a_text_of_lines_is_written_as_lines():
    assert dump_yaml({"text": "one\ntwo"}) == "text: |-\n  one\n  two\n"
