"""Which images a component is offered, and in which order."""

import pytest

from media_app import selectors
from media_app.services import asset_activate, asset_deactivate, asset_edit, asset_find, text_read

pytestmark = pytest.mark.django_db


def titles(tags=(), keywords=(), limit=10, organization_id="org_test") -> list[str]:
    found = asset_find(organization_id=organization_id, tags=tags, keywords=keywords, limit=limit)
    return [asset.title for asset in found]


def test_every_tag_must_match(add):
    add("Both", ["sea", "blue"])
    add("One", ["sea"])
    assert titles(tags=["Sea", " BLUE "]) == ["Both"]


def test_a_tag_is_matched_whole(add):
    add("Party", ["party people"])
    assert titles(tags=["party"]) == []
    assert titles(tags=["Party   People"]) == ["Party"]


def test_what_shares_most_keywords_comes_first(add):
    add("A whale", ["animal"])
    add("A whale in the deep sea", ["animal"])
    add("Nothing of it", ["animal"])
    add("A whale from far", ["animal"], alt="The sea is calm")
    wished = ["whale", "Deep Sea", "sea"]
    assert titles(keywords=wished) == ["A whale in the deep sea", "A whale from far", "A whale"]
    assert titles(tags=["animal"], keywords=wished)[-1] == "Nothing of it"


def test_a_keyword_that_is_a_tag_beats_one_in_the_text(add):
    add("Tagged", ["docker"])
    add("Docker in words")
    assert titles(keywords=["docker"]) == ["Tagged", "Docker in words"]


def test_a_keyword_is_words_and_not_parts_of_them(add):
    add("A party")
    assert titles(keywords=["art"]) == []
    assert titles(keywords=["PARTY!"]) == ["A party"]


def test_a_phrase_does_not_run_from_the_title_into_the_tags(add):
    add("The deep", ["sea"])
    assert titles(keywords=["deep sea"]) == []


@pytest.mark.parametrize("hostile", ["%", "_", "|", ".*", "a|b", "'", "\\", "(", "["])
def test_signs_of_a_query_language_match_nothing(add, hostile):
    add("Plain", ["plain"])
    assert titles(tags=[hostile]) == []
    assert titles(keywords=[hostile]) == []


def test_own_beats_shared_and_new_beats_old(add):
    add("Own, old", ["x"])
    add("Own, new", ["x"])
    add("Shared", ["x"], owner=None)
    assert titles(keywords=["x"]) == ["Own, new", "Own, old", "Shared"]
    assert titles(tags=["x"]) == ["Own, new", "Own, old", "Shared"]


def test_another_organizations_images_are_not_found(add, other):
    add("Theirs", ["x"], owner=other)
    add("Shared", ["x"], owner=None)
    assert titles(tags=["x"]) == ["Shared"]
    assert titles(tags=["x"], organization_id=None) == ["Shared"]


def test_a_deactivated_image_is_not_found_until_it_is_active_again(add):
    asset = add("Shy", ["x"])
    asset_deactivate(asset)
    assert titles(tags=["x"]) == []
    asset_activate(asset)
    assert titles(tags=["x"]) == ["Shy"]


def test_an_edit_is_found_by_its_new_words(add):
    asset = add("Old name", ["old"])
    asset_edit(asset, text_read(title="New name", alt="", tags=["new"]))
    assert titles(tags=["old"]) == []
    assert titles(tags=["new"], keywords=["name"]) == ["New name"]


def test_without_a_wish_nothing_is_chosen(add):
    add("Anything", ["x"])
    assert titles() == []
    assert titles(tags=["  "], keywords=["!"]) == []


def test_no_more_than_the_limit_is_answered(add):
    for number in range(4):
        add(f"Number {number}", ["x"])
    assert titles(tags=["x"], limit=2) == ["Number 3", "Number 2"]
    assert titles(tags=["x"], keywords=["zero"], limit=0) == []


def test_a_search_looks_at_a_bounded_number_of_rows(add, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(selectors, "MAX_CANDIDATES", 3)
    for number in range(5):
        add(f"Word {number}", ["x"])
    with django_assert_max_num_queries(1):
        assert len(titles(keywords=["word"], limit=10)) == 3
