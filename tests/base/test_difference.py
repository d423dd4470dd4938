"""What a new text changed in an old one."""

import pytest

from base.difference import Piece, difference

OLD = "The title\n\nIt begins well.\n\nIt ends."
NEW = "The title\n\nIt begins very well.\n\nMore follows.\n\nIt ends."


def test_words_that_came_and_went_are_marked_within_their_paragraphs():
    found = difference(OLD, NEW)
    assert [row.is_changed for row in found.rows] == [False, True, True, False]
    assert found.rows[1].old == (Piece("It begins"), Piece("well."))
    assert found.rows[1].new == (Piece("It begins"), Piece("very", is_changed=True), Piece("well."))
    assert found.rows[2].old == ()
    assert found.rows[2].new == (Piece("More follows.", is_changed=True),)
    assert (found.old_words, found.new_words, found.taken_out, found.put_in) == (7, 10, 0, 3)


@pytest.mark.parametrize(
    ("old", "new", "percent"),
    [("", "", 0), ("a b", "a b", 0), ("a b", "c d", 100), ("", "new", 100), ("a b c d", "a b c x", 25)],
)
def test_the_share_of_changed_words_is_told(old, new, percent):
    assert difference(old, new).percent == percent
