"""Drafts, publishing and rolling back."""

import pytest

from base import clock
from base.problems import Conflict, InvalidInput, NotFound
from templates_app.models import Template, TemplateVersion, VersionIsImmutable
from templates_app.services import (
    draft_discard,
    draft_publish,
    draft_save,
    live_version,
    template_change,
    template_roll_back,
    template_save,
)
from tests.templates_app.conftest import STRUCTURE, publish, structure_saying


def faults_of(refusal) -> dict[str, str]:
    return {fault.path: fault.message for fault in refusal.value.errors}


def test_saving_twice_keeps_one_draft_with_the_last_text(template, administrator):
    draft_save(template, structure=STRUCTURE, note="first", author=administrator)
    draft = draft_save(template, structure=structure_saying("again"), note="second")
    stored = TemplateVersion.objects.get()
    assert (stored.pk, stored.number, stored.structure) == ("tmpl_article.v1", 1, structure_saying("again"))
    assert (draft.note, draft.author) == ("second", administrator)


def test_draft_is_not_live(template):
    draft_save(template, structure=STRUCTURE)
    assert live_version(template.pk) is None


def test_draft_after_publishing_is_a_new_version(template):
    publish(template)
    draft = draft_save(template, structure=structure_saying("next"))
    live = live_version(template.pk)
    assert draft.number == 2
    assert live is not None
    assert (live.number, live.structure) == (1, STRUCTURE)


@pytest.mark.parametrize(
    ("structure", "path"),
    [
        ({}, "/sections"),
        ({"sections": []}, "/sections"),
        ({"sections": [{"type": "body"}]}, "/sections/0/instructions"),
        ({"sections": [{"type": "Body!", "instructions": "x"}]}, "/sections/0/type"),
        ({"sections": [{"type": "body", "instructions": "x", "sections": 21}]}, "/sections/0/sections"),
        ({"sections": [{"type": "body", "instructions": "x", "colour": "red"}]}, "/sections/0/colour"),
        ({"sections": [{"type": "body", "instructions": "x\x00"}]}, "/sections/0/instructions"),
        ({"sections": [{"type": "body", "instructions": "x", "word_range": [9, 1]}]}, "/sections/0"),
    ],
)
def test_structure_that_does_not_fit_is_refused_with_its_path(template, structure, path):
    with pytest.raises(InvalidInput) as refusal:
        draft_save(template, structure=structure)
    assert list(faults_of(refusal)) == [path]
    assert not TemplateVersion.objects.exists()


def test_note_that_is_too_long_is_refused(template):
    with pytest.raises(InvalidInput) as refusal:
        draft_save(template, structure=STRUCTURE, note="x" * 501)
    assert list(faults_of(refusal)) == ["/note"]


def test_unfinished_jinja_may_be_saved_but_not_published(template):
    sections = [
        {"type": "introduction", "instructions": "Fine: {{ title }}"},
        {"type": "body", "instructions": "First line\n{{ titel }}"},
        {"type": "conclusion", "instructions": "{% if title %}\nno end"},
    ]
    draft = draft_save(template, structure={"sections": sections})
    with pytest.raises(InvalidInput) as refusal:
        draft_publish(draft)
    faults = faults_of(refusal)
    assert list(faults) == ["/sections/1/instructions", "/sections/2/instructions"]
    assert faults["/sections/1/instructions"].startswith("Section 2 (body), line 2: there is no variable 'titel'")
    assert faults["/sections/2/instructions"].startswith("Section 3 (conclusion), line 1:")
    draft.refresh_from_db()
    assert draft.published_at is None


def test_publishing_is_one_write(template, django_assert_num_queries):
    draft = draft_save(template, structure=STRUCTURE)
    with django_assert_num_queries(3) as queries:  # the live version, the update, what is stored now
        draft_publish(draft)
    assert len([query for query in queries if query["sql"].startswith(("UPDATE", "db.template_versions.update"))]) == 1


def test_draft_is_published_once(template):
    draft = draft_save(template, structure=STRUCTURE)
    stale = TemplateVersion.objects.get(pk=draft.pk)
    draft_publish(draft)
    with pytest.raises(Conflict):
        draft_publish(stale)
    with pytest.raises(Conflict):
        draft_publish(draft)


def test_text_that_was_changed_since_it_was_read_is_not_published(template):
    read = draft_save(template, structure=STRUCTURE)
    TemplateVersion.objects.filter(pk=read.pk).update(
        structure=structure_saying("{{ broken"), updated_at=read.updated_at.replace(year=2030)
    )
    with pytest.raises(Conflict):
        draft_publish(read)
    assert live_version(template.pk) is None


def test_published_version_cannot_be_changed(template):
    version = publish(template)
    version.structure = structure_saying("changed")
    with pytest.raises(VersionIsImmutable):
        version.save()
    draft_save(template, structure=structure_saying("a draft"))
    assert TemplateVersion.objects.get(pk=version.pk).structure == STRUCTURE


def test_two_who_start_a_draft_at_once_collide(template, make):
    # the faster one's row, not yet seen by the slower one's look-up
    TemplateVersion.objects.create(id="tmpl_article.v1", template=make("tmpl_x"), number=9, structure=STRUCTURE)
    with pytest.raises(Conflict):
        draft_save(template, structure=structure_saying("slower"))


def test_rolling_back_publishes_a_copy_under_a_new_number(template, administrator):
    publish(template, structure_saying("one"))
    publish(template, structure_saying("two"))
    version = template_roll_back(template, number=1, author=administrator)
    assert (version.number, version.structure, version.author) == (3, structure_saying("one"), administrator)
    assert version.note == "Back to version 1"
    assert live_version(template.pk) == version


def test_rolling_back_to_what_was_never_published_is_refused(template):
    publish(template)
    draft_save(template, structure=structure_saying("draft"))
    for number in (2, 7):
        with pytest.raises(NotFound):
            template_roll_back(template, number=number)


def test_rolling_back_to_the_live_version_is_refused(template):
    publish(template)
    with pytest.raises(Conflict):
        template_roll_back(template, number=1)


def test_draft_that_a_roll_back_overtook_still_becomes_the_live_version(template):
    publish(template, structure_saying("one"))
    publish(template, structure_saying("two"))
    draft = draft_save(template, structure=structure_saying("draft"), note="mine")
    template_roll_back(template, number=1)
    published = draft_publish(draft)
    assert (published.number, published.structure, published.note) == (5, structure_saying("draft"), "mine")
    assert live_version(template.pk) == published
    assert not TemplateVersion.objects.filter(published_at=None).exists()


def test_discarding_a_draft_leaves_what_was_published(template):
    publish(template)
    draft_save(template, structure=structure_saying("draft"))
    draft_discard(template)
    assert [version.number for version in TemplateVersion.objects.all()] == [1]


def test_new_default_takes_the_place_of_the_former_one_of_its_type(make, organization):
    former = make("tmpl_former", is_default=True)
    own = make("tmpl_own", is_default=True, organization=organization)
    mail = make("tmpl_mail", type="mail", is_default=True)
    template_save(Template(id="tmpl_new", name="New", type="article", is_default=True))
    assert [Template.objects.get(pk=row.pk).is_default for row in (former, own, mail)] == [False, True, True]


def test_who_changes_a_template_that_changed_since_it_was_read_changes_nothing(template):
    late = Template.objects.get(pk=template.pk)
    template_change(template, {"tone": "warm"})
    with pytest.raises(Conflict):
        template_change(late, {"tone": "cool", "name": "Late"})
    template.refresh_from_db()
    assert (template.tone, template.name) == ("warm", "Article")


def test_changes_within_a_millisecond_are_told_apart(template, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: template.created_at)
    moments = [template_change(template, {"tone": str(number)}).updated_at for number in range(3)]
    assert len(set(moments)) == 3


def test_a_draft_that_changed_since_it_was_seen_is_neither_replaced_nor_discarded(template):
    seen = draft_save(template, structure=structure_saying("one"))
    draft_save(template, structure=structure_saying("two"))
    for wish in (
        lambda: draft_save(template, structure=STRUCTURE, seen=seen),
        lambda: draft_discard(template, seen=seen),
    ):
        with pytest.raises(Conflict):
            wish()
    assert TemplateVersion.objects.get().structure == structure_saying("two")
