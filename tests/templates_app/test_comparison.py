"""What one text of a template changed in another."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from templates_app.comparison import SectionChange, sections_compared, summary_of
from templates_app.services import draft_save, template_roll_back
from tests.templates_app.conftest import publish, structure_saying
from tests.templates_app.test_admin import LIST, client_of
from users.access import Role
from users.models import Organization


def structure(*sections: str | dict[str, Any]) -> dict[str, Any]:
    return {"sections": [{"type": s, "instructions": f"About {s}"} if isinstance(s, str) else s for s in sections]}


def told(changes: list[SectionChange]) -> list[tuple[str, ...]]:
    return [(change.type, *change.labels) for change in changes]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("ab", "ab", [("a",), ("b",)]),
        ("ab", "abc", [("a",), ("b",), ("c", "added")]),
        ("abc", "ac", [("a",), ("b", "removed"), ("c",)]),
        ("abc", "cab", [("c", "moved"), ("a",), ("b",)]),
        ("abcd", "badc", [("b",), ("a", "moved"), ("d",), ("c", "moved")]),
        ("ab", "", [("a", "removed"), ("b", "removed")]),
        ("aba", "aa", [("a",), ("b", "removed"), ("a",)]),
        ("xay", "ya", [("y", "moved"), ("x", "removed"), ("a",)]),
    ],
)
def test_sections_are_told_as_added_removed_and_moved(old, new, expected):
    assert [entry[0] for entry in told(sections_compared(structure(*old), structure(*new)))] == [
        entry[0] for entry in expected
    ]
    found = told(sections_compared(structure(*old), structure(*new)))
    # of two that changed places either may be the one that moved
    assert sorted(entry[1:] for entry in found) == sorted(entry[1:] for entry in expected)


def test_a_section_says_which_settings_and_words_changed():
    old = structure({"type": "body", "instructions": "Cover the points", "sections": 3, "word_range": [10, 20]})
    new = structure({"type": "body", "instructions": "Cover all the points", "heading": "Main", "word_range": [10, 30]})
    [change] = sections_compared(old, new)
    assert [(fact.name, fact.old, fact.new) for fact in change.facts] == [
        ("Heading", "", "Main"),
        ("Sub-sections", "3", ""),
        ("Words", "10 to 20", "10 to 30"),
    ]
    assert change.text is not None
    assert [piece.text for piece in change.text.rows[0].new if piece.is_changed] == ["all"]


def test_a_section_whose_type_changed_is_one_change():
    [change] = sections_compared(
        structure({"type": "start", "instructions": "Begin"}),
        structure({"type": "introduction", "instructions": "Begin"}),
    )
    assert change.labels == ("changed",)
    assert (change.facts[0].old, change.facts[0].new, change.text) == ("start", "introduction", None)


def test_what_happened_is_told_in_a_few_words():
    assert summary_of(sections_compared(structure("a"), structure("a"))) == "Both texts are the same."
    assert (
        summary_of(sections_compared(structure("a", "b"), structure("a", "c", "d"))) == "Sections: 2 added, 1 removed."
    )
    assert summary_of(sections_compared(None, structure("a"))) == "Sections: 1 added."


@pytest.fixture
def compare(template) -> Callable[..., str]:
    client = client_of(Role.AUDITOR)

    def look(**asked: Any) -> str:
        page = client.get(f"{LIST}{template.pk}/compare/", asked)
        assert page.status_code == 200
        return re.sub(r"\s+", " ", page.content.decode())

    return look


def test_the_page_opens_with_the_draft_beside_the_live_version(template, compare):
    publish(template, structure_saying("one"), note="the first")
    publish(template, structure_saying("two"))
    draft_save(template, structure=structure_saying("three"))
    page = compare()
    assert "<del>two</del>" in page
    assert "<ins>three</ins>" in page
    assert "v1 · " in page
    assert "the first" in page


def test_any_two_versions_can_be_compared(template, compare):
    publish(template, structure_saying("one"))
    publish(template, structure_saying("two"))
    template_roll_back(template, number=1)
    assert "<ins>one</ins>" in compare(old=2, new=1)
    assert "Both texts are the same." in compare(old=1, new=3)
    assert "valid choice" in compare(old=1, new=9)


def test_one_version_has_nothing_to_be_compared_with(template, compare):
    publish(template)
    assert "only one version" in compare()


def test_texts_of_another_organization_are_not_shown(organization, make):
    make("tmpl_theirs", organization=Organization.objects.create(id="org_other", name="Other"))
    own = client_of(Role.EDITOR, organization)
    assert own.get(f"{LIST}tmpl_theirs/compare/").status_code == 404
