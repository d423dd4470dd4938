"""Templates as files: what is exported comes in again, and an import says what it would change before it does."""

import html
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from base.strict_yaml import dump_yaml, parse_yaml
from templates_app.models import Template, TemplateVersion
from templates_app.selectors import draft_of, live_version
from templates_app.services import draft_save
from tests.templates_app.conftest import SECTIONS, STRUCTURE, publish, structure_saying
from tests.templates_app.test_admin import LIST, client_of, told
from users.access import Role
from users.models import Organization

IMPORT = f"{LIST}import/"
NEW: dict[str, Any] = {"id": "tmpl_new", "name": "New", "type": "article", "sections": SECTIONS}


@pytest.fixture
def editor(db) -> Client:
    return client_of(Role.EDITOR)


def file_of(*templates: Any) -> bytes:
    return dump_yaml({"draftline_templates": 1, "templates": list(templates)}).encode()


def upload(client: Client, body: bytes, mode: str = "drafts", **fields: str):
    return client.post(IMPORT, {"file": SimpleUploadedFile("some.yaml", body), "mode": mode, **fields})


def confirm(client: Client, page, **fields: str):
    assert page.context["can_confirm"], page.content.decode()
    return client.post(IMPORT, {**page.context["kept"], **fields}, follow=True)


def plan(page) -> list[tuple[str, str]]:
    return [(planned.entry.name, planned.kind) for planned in page.context["plan"]]


def reasons(page) -> str:
    return " ".join(reason for planned in page.context["plan"] for reason in planned.reasons)


# --- export ---------------------------------------------------------------------------------------------------------
def test_a_template_is_exported_as_a_file_that_can_be_read(editor, template):
    template.tags, template.description = ["tech"], "Two\nlines"
    template.save()
    publish(template)
    draft_save(template, structure=structure_saying("not yet"))
    answer = editor.get(f"{LIST}{template.pk}/export/")
    assert answer["Content-Disposition"] == 'attachment; filename="tmpl_article.yaml"'
    assert (
        "  - id: tmpl_article\n    name: Article\n    type: article\n    description: |-\n" in answer.content.decode()
    )
    assert parse_yaml(answer.content)["templates"] == [
        {
            "id": "tmpl_article",
            "name": "Article",
            "type": "article",
            "description": "Two\nlines",
            "tone": "technical",
            "tags": ["tech"],
            "sections": SECTIONS,
        }
    ]


def test_the_chosen_ones_are_exported_and_one_without_a_text_is_named(template, make):
    make("tmpl_b")
    make("tmpl_a")
    make("tmpl_c")
    chosen = {"action": "export_selected", "_selected_action": ["tmpl_b", "tmpl_a", template.pk]}
    answer = client_of(Role.AUDITOR).post(LIST, chosen)
    assert [entry["id"] for entry in parse_yaml(answer.content)["templates"]] == ["tmpl_a", "tmpl_b"]
    only_that = client_of(Role.OPERATOR).post(LIST, {**chosen, "_selected_action": [template.pk]}, follow=True)
    assert told(only_that) == ["No text yet, so not exported: Article."]


def test_what_is_exported_changes_nothing_when_it_comes_in_again(editor, make):
    make("tmpl_a", tags=["x"], tone="warm", is_default=True)
    page = upload(editor, editor.get(f"{LIST}tmpl_a/export/").content, "publish")
    assert plan(page) == [("tmpl_a", "unchanged")]
    assert not page.context["can_confirm"]


# --- the dry run ----------------------------------------------------------------------------------------------------
def test_the_dry_run_shows_what_would_change_and_stores_nothing(editor, template, make):
    publish(template, structure_saying("the old words"))
    make("tmpl_same", tone="warm")
    changed = {"id": template.pk, "name": "Article", "type": "article", "tone": "dry"}
    changed["sections"] = structure_saying("the new words")["sections"]
    same = {"id": "tmpl_same", "name": "tmpl_same", "type": "article", "tone": "warm", "sections": SECTIONS}
    page = upload(editor, file_of(same, NEW, changed))
    assert plan(page) == [("Article", "changed"), ("New", "new"), ("tmpl_same", "unchanged")]
    text = re.sub(r"\s+", " ", page.content.decode())
    assert "<del>technical</del> → <ins>dry</ins>" in text
    assert "the <del>old</del> words" in text
    assert "the <ins>new</ins> words" in text
    assert "1 changed, 1 new, 1 unchanged" in text
    assert Template.objects.count() == 2
    assert TemplateVersion.objects.count() == 2
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "name: This must not be empty."),
        ({"type": "Not A Slug"}, "type: Lower-case letters, digits"),
        ({"colour": "red"}, "colour: There is no such key"),
        ({"is_default": True}, "is_default: There is no such key"),
        ({"id": "../etc"}, "id: An id begins with tmpl_"),
        ({"tags": "one"}, "tags: "),
        ({"sections": []}, "sections: This must not be empty."),
        ({"sections": [{"type": "body"}]}, "sections/0/instructions: This is required."),
        ({"sections": [{"type": "body", "instructions": "x", "sections": True}]}, "sections/0/sections: "),
        ({"sections": [{"type": "body", "instructions": "x", "word_range": [2, 1]}]}, "smaller number first"),
        ({"sections": [{"type": "body", "instructions": "x" * 10_001}]}, "At most 10000 characters."),
    ],
)
def test_an_entry_that_does_not_fit_is_refused_with_its_reason_and_keeps_the_others_back(editor, change, words):
    page = upload(editor, file_of(NEW, {**NEW, "id": "tmpl_other", "name": "Other", **change}))
    assert words in reasons(page)
    assert [kind for _, kind in plan(page)] == ["refused", "new"]
    assert not page.context["can_confirm"]
    forced = editor.post(IMPORT, page.context["kept"], follow=True)
    assert "was not imported: correct the refused entries" in told(forced)[0]
    assert not Template.objects.exists()


def test_jinja_is_checked_where_the_texts_are_to_be_published(editor):
    unknown = {**NEW, "sections": structure_saying("{{ titel }}")["sections"]}
    assert plan(upload(editor, file_of(unknown))) == [("New", "new")]
    assert "no variable 'titel'" in reasons(upload(editor, file_of(unknown), "publish"))


def test_names_and_ids_that_stand_twice_are_refused(editor, template):
    page = upload(editor, file_of(NEW, {**NEW, "name": "Other"}, {**NEW, "id": "tmpl_third", "name": "Other"}))
    assert "The file has the id tmpl_new more than once." in reasons(page)
    assert "The file has the name 'Other' more than once." in reasons(page)
    page = upload(editor, file_of({**NEW, "name": template.name}))
    assert "tmpl_article has the name 'Article' already" in reasons(page)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"a: &a [1]\nb: *a", "anchors and aliases"),
        (b"a: 1\na: 2", "stands there twice"),
        (b"[" * 100, "nested deeper"),
        (b"\xff\xfe", "not UTF-8"),
        (b"templates: []", "This is required"),
        (b"draftline_templates: 2\ntemplates: [1]", "draftline_templates"),
        (b"draftline_templates: 1\ntemplates: []", "templates: This must not be empty."),
        (b"draftline_templates: 1\ntemplates: [" + b"1," * 101 + b"]", "templates: At most 100; there are 101."),
        (b"just text", "Send a JSON object"),
        (b"#" * (512 * 1024 + 1), "larger than 512 KiB"),
        (b"", "empty"),
    ],
)
def test_what_is_no_file_of_templates_is_refused_beside_the_field(editor, body, words):
    page = upload(editor, body)
    assert words in " ".join(page.context["form"].errors["file"])
    assert page.context["plan"] == []


def test_no_file_at_all_is_told(editor):
    assert editor.post(IMPORT, {"mode": "drafts"}).context["form"].errors["file"] == ["Choose a file."]


# --- the import -----------------------------------------------------------------------------------------------------
def test_confirming_stores_drafts_that_say_who_and_from_where(editor, template):
    publish(template, structure_saying("old"))
    changed = {"id": template.pk, "name": "Renamed", "type": "article", "tags": ["x"], "sections": SECTIONS}
    done = confirm(editor, upload(editor, file_of(NEW, changed)))
    assert told(done) == ["2 templates imported, the texts stored as drafts."]
    template.refresh_from_db()
    assert (template.name, template.tags, template.tone) == ("Renamed", ["x"], "")
    for pk in (template.pk, "tmpl_new"):
        draft = draft_of(pk)
        assert draft is not None
        assert (draft.structure, draft.note) == (STRUCTURE, "Imported from some.yaml")
        assert draft.author is not None
        assert draft.author.username == "a_editor"
    live = live_version(template.pk)
    assert live is not None
    assert live.structure == structure_saying("old")
    entries = {entry.object_id: entry for entry in LogEntry.objects.all()}
    assert entries["tmpl_new"].is_addition()
    assert "Imported from some.yaml: the draft, version 2." in entries[template.pk].get_change_message()


def test_confirming_can_publish_and_publishes_a_draft_that_says_the_same(editor, template):
    publish(template, structure_saying("old"))
    draft_save(template, structure=STRUCTURE, note="mine")
    entry = {"id": template.pk, "name": "Article", "type": "article", "tone": "technical", "sections": SECTIONS}
    assert plan(upload(editor, file_of(entry))) == [("Article", "unchanged")]
    done = confirm(editor, upload(editor, file_of(entry, NEW), "publish"))
    assert told(done) == ["2 templates imported, the texts published."]
    for pk, number in ((template.pk, 2), ("tmpl_new", 1)):
        live = live_version(pk)
        assert live is not None
        assert (live.number, live.structure) == (number, STRUCTURE)


def test_a_draft_that_says_something_else_is_nobodys_to_overwrite(editor, template):
    publish(template, structure_saying("old"))
    draft_save(template, structure=structure_saying("somebody's work"))
    entry = {"id": template.pk, "name": "Article", "type": "article", "sections": SECTIONS}
    assert "has a draft that says something else" in reasons(upload(editor, file_of(entry)))


def test_what_changed_since_it_was_seen_is_shown_again_first(editor, template):
    entry = {"id": template.pk, "name": "Article", "type": "article", "sections": SECTIONS}
    page = upload(editor, file_of(entry))
    publish(template, structure_saying("meanwhile"))
    again = editor.post(IMPORT, page.context["kept"])
    assert "Something changed since you looked" in again.content.decode()
    assert draft_of(template.pk) is None
    assert told(confirm(editor, again)) == ["1 template imported, the texts stored as drafts."]


def test_confirming_twice_changes_nothing_more(editor):
    page = upload(editor, file_of(NEW), "publish")
    confirm(editor, page)
    again = editor.post(IMPORT, page.context["kept"])
    assert plan(again) == [("New", "unchanged")]
    assert TemplateVersion.objects.count() == 1


# --- who may --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR])
def test_who_may_not_write_exports_but_does_not_import(make, role):
    make("tmpl_a")
    reader = client_of(role)
    assert reader.get(f"{LIST}tmpl_a/export/").status_code == 200
    assert reader.get(IMPORT).status_code == 403
    assert upload(reader, file_of(NEW)).status_code == 403
    assert IMPORT not in reader.get(LIST).content.decode()


def test_staff_of_one_organization_keep_to_its_templates(organization, make):
    other = Organization.objects.create(id="org_other", name="Other")
    make("tmpl_theirs", name="Secret plans", organization=other)
    make("tmpl_shared")
    make("tmpl_own", organization=organization)
    client = client_of(Role.EDITOR, organization)
    assert client.get(f"{LIST}tmpl_theirs/export/").status_code == 404
    taken = {**NEW, "name": "Secret plans"}
    page = upload(client, file_of(taken, *({**NEW, "id": pk, "name": pk} for pk in ("tmpl_theirs", "tmpl_shared"))))
    assert [kind for _, kind in plan(page)] == ["refused", "refused", "new"]
    assert "The id tmpl_theirs cannot be used here" in reasons(page)
    assert "tmpl_shared is shared: only staff of Draftline change it" in reasons(page)
    assert "Other" not in html.unescape(page.content.decode()).replace("Another", "")
    chosen = {"action": "export_selected", "_selected_action": ["tmpl_theirs", "tmpl_own"]}
    assert [entry["id"] for entry in parse_yaml(client.post(LIST, chosen).content)["templates"]] == ["tmpl_own"]
    confirm(client, upload(client, file_of(NEW), organization=other.pk))
    assert Template.objects.get(pk="tmpl_new").organization == organization


def test_staff_of_draftline_choose_whose_new_templates_are(editor, organization):
    confirm(editor, upload(editor, file_of(NEW), organization=organization.pk))
    confirm(editor, upload(editor, file_of({**NEW, "id": "tmpl_all", "name": "All"})))
    assert Template.objects.get(pk="tmpl_new").organization == organization
    assert Template.objects.get(pk="tmpl_all").organization is None


# --- duplicate ------------------------------------------------------------------------------------------------------
def test_a_duplicate_is_a_draft_that_serves_nobody_yet(editor, make):
    source = make("tmpl_a", tags=["x"], is_default=True, tone="warm")
    answer = editor.post(f"{LIST}tmpl_a/duplicate/", follow=True)
    copy = Template.objects.exclude(pk=source.pk).get()
    assert (copy.name, copy.tone, copy.tags, copy.is_active, copy.is_default) == (
        "tmpl_a (copy)",
        "warm",
        ["x"],
        False,
        False,
    )
    draft = draft_of(copy.pk)
    assert draft is not None
    assert (draft.structure, draft.note) == (STRUCTURE, "A copy of version 1 of tmpl_a")
    assert live_version(copy.pk) is None
    assert "This is the copy, as a draft." in told(answer)[0]
    draft_save(source, structure=structure_saying("newer"))
    editor.post(f"{LIST}tmpl_a/duplicate/")
    assert TemplateVersion.objects.filter(template__is_active=False, structure=structure_saying("newer")).count() == 1


def test_a_duplicate_belongs_to_whoever_makes_it_and_readers_make_none(organization, make):
    make("tmpl_shared", name="n" * 200)
    make("tmpl_theirs", organization=Organization.objects.create(id="org_other", name="Other"))
    client = client_of(Role.EDITOR, organization)
    assert client.post(f"{LIST}tmpl_theirs/duplicate/").status_code == 403
    assert client.get(f"{LIST}tmpl_shared/duplicate/").status_code == 405
    assert client_of(Role.AUDITOR).post(f"{LIST}tmpl_shared/duplicate/").status_code == 403
    client.post(f"{LIST}tmpl_shared/duplicate/")
    assert Template.objects.get(is_active=False).organization == organization
