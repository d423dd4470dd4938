"""The form for a step's result: whatever its shape, what is shown comes back as it was, and only that shape."""

from typing import Any

import pytest
from django.http import QueryDict

from base.difference import InlinePiece as Piece
from base.difference import inline_pieces
from contexts.admin.differences import differences
from contexts.admin.result_form import MAX_FIELDS, Node, ResultForm, place_text

RESULT: dict[str, Any] = {
    "generated_content": {
        "introduction": "In.\n\nAnd more.",
        "body": [{"heading": "One", "content": "First."}, {"heading": "Two", "content": "Second."}],
        "a/b~c": None,
    },
    "tags": ["red", "blue"],
    "count": 3,
    "share": 0.5,
    "is_draft": True,
    "nothing": [],
    "empty": {},
    "grid": [[1, 2], [3, 4]],
}
BODY = "/generated_content/body"


def sent(form: ResultForm, changes: dict[str, list[str]] | None = None) -> QueryDict:
    """What a browser would send of a form, with some fields changed."""
    query = QueryDict(mutable=True)

    def walk(node: Node) -> None:
        if node.kind in ("group", "rows"):
            for child in node.children:
                if node.kind == "rows":
                    query.appendlist(f"{node.name}/#", child.token)
                walk(child)
        else:
            query[node.name] = node.text.replace("\n", "\r\n")

    for node in form.nodes:
        walk(node)
    for name, values in (changes or {}).items():
        query.setlist(name, values)
    return query


def read(changes: dict[str, list[str]] | None = None) -> ResultForm:
    return ResultForm(RESULT, sent(ResultForm(RESULT), changes))


def test_what_is_shown_comes_back_as_it_was():
    form = read()
    assert form.result == RESULT
    assert not form.errors


def test_a_text_a_number_and_a_choice_are_changed():
    form = read({"/count": [" 7 "], "/share": ["1.25"], "/is_draft": ["false"], f"{BODY}/1/heading": ["Zwei"]})
    assert (form.result["count"], form.result["share"], form.result["is_draft"]) == (7, 1.25, False)
    assert form.result["generated_content"]["body"][1] == {"heading": "Zwei", "content": "Second."}


def test_rows_are_moved_removed_and_added():
    new = {f"{BODY}/0-7/heading": ["New"], f"{BODY}/0-7/content": ["Newest."]}
    form = read({f"{BODY}/#": ["1", "0-7"], **new})
    assert form.result["generated_content"]["body"] == [
        {"heading": "Two", "content": "Second."},
        {"heading": "New", "content": "Newest."},
    ]
    assert read({f"{BODY}/#": []}).result["generated_content"]["body"] == []


@pytest.mark.parametrize("token", ["2", "99", "-1", "x", "0-x", "1e3", "", "0-new", "٣"])
def test_rows_that_the_form_never_had_are_passed_over(token):
    assert read({"/tags/#": [token, "1"]}).result["tags"] == ["blue"]


def test_fields_that_the_form_never_had_are_passed_over():
    form = read({"/count/evil": ["x"], "/stranger": ["x"], f"{BODY}/0/stranger": ["x"]})
    assert form.result == RESULT


@pytest.mark.parametrize(("name", "text"), [("/count", "many"), ("/count", "1.5"), ("/share", "half"), ("/count", "")])
def test_what_is_no_number_is_said_and_stays_as_it_was_typed(name, text):
    form = read({name: [text]})
    assert len(form.errors) == 1
    node = next(node for node in form.nodes if node.name == name)
    assert (node.text, bool(node.error)) == (text, True)


def test_long_texts_get_an_area_and_a_huge_result_no_form():
    kinds = {node.name: node.kind for node in ResultForm({"long": "x" * 200, "short": "x", "lines": "a\nb"}).nodes}
    assert kinds == {"/long": "area", "/short": "line", "/lines": "area"}
    assert ResultForm({"list": ["x"] * MAX_FIELDS}).is_too_large
    assert not ResultForm(RESULT).is_too_large


def test_places_are_told_in_words():
    assert place_text(f"{BODY}/1/heading") == "Generated content, body, 2, heading"


def test_a_difference_names_the_place_and_the_words():
    after = {**RESULT, "tags": ["red", "dark blue", "green"]}
    found = differences(RESULT, after)
    assert [(change.place, change.pieces) for change in found] == [
        ("Tags, 2", [Piece("new", "dark "), Piece("same", "blue")]),
        ("Tags, 3", [Piece("new", "green")]),
    ]
    assert differences(RESULT, RESULT) == []


def test_words_between_two_changes_stay_readable():
    assert inline_pieces("In a box it is.", "Out of town it is.") == [
        Piece("gone", "In a box"),
        Piece("new", "Out of town"),
        Piece("same", " it is."),
    ]
    assert inline_pieces("one two", "one  two") == [
        Piece("same", "one"),
        Piece("gone", " "),
        Piece("new", "  "),
        Piece("same", "two"),
    ]


def test_long_texts_are_compared_as_a_whole():
    before, after = "one " * 50_000, "two " * 50_000
    assert inline_pieces(before, after) == [Piece("gone", before), Piece("new", after)]
