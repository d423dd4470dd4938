"""The editor of templates in the admin, through Django's test client."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from templates_app.models import Template, TemplateVersion
from templates_app.services import draft_publish, draft_save, live_version
from tests.templates_app.conftest import SECTIONS, STRUCTURE, publish, structure_saying
from users.access import Role
from users.models import Organization, User

LIST = "/admin/templates_app/template/"


def page_of(template_id: str) -> str:
    return f"{LIST}{template_id}/change/"


def client_of(role: str, organization: Organization | None = None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user(f"a {role}".replace(" ", "_"), role=role, organization=organization))
    return client


@pytest.fixture
def editor(db) -> Client:
    return client_of(Role.EDITOR)


def typed(client: Client, address: str, rows: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    """Return what a browser would send: the page's hidden fields, the purpose, the rows as numbered."""
    form = client.get(address).context["adminform"].form
    sent: dict[str, Any] = {
        "name": "Article",
        "type": "article",
        "tone": "technical",
        "is_active": "on",
        "seen": form.initial["seen"],
        "sections-TOTAL_FORMS": len(rows),
        "sections-INITIAL_FORMS": form.sections.initial_form_count(),
        **fields,
    }
    for index, row in enumerate(rows):
        values = {"ORDER": index + 1, **row}
        sent |= {f"sections-{index}-{name}": value for name, value in values.items()}
    return sent


ROWS: list[dict[str, Any]] = [
    {"type": "introduction", "instructions": "Introduce {{ title }}"},
    {"type": "body", "parts": "3", "instructions": "Cover {{ keywords | join(', ') }}"},
    {"type": "conclusion", "instructions": "Summarize the key takeaways"},
]


def post(client: Client, address: str, rows: list[dict[str, Any]], button: str = "_save", **fields: Any):
    return client.post(address, {**typed(client, address, rows, **fields), button: "1"}, follow=True)


def told(answer) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def test_new_template_is_created_with_its_first_draft(editor):
    answer = post(editor, f"{LIST}add/", ROWS, tags_text="tech, long , tech", note="first")
    template = Template.objects.get()
    draft = TemplateVersion.objects.get()
    assert template.tags == ["tech", "long"]
    assert (draft.number, draft.structure, draft.note) == (1, STRUCTURE, "first")
    assert draft.author is not None
    assert draft.published_at is None
    assert answer.redirect_chain[-1][0] == page_of(template.pk)
    assert told(answer) == ["The draft is saved."]


def test_publishing_makes_the_text_live(editor, template):
    answer = post(editor, page_of(template.pk), ROWS, "_publish", note="go")
    live = live_version(template.pk)
    assert live is not None
    assert (live.number, live.structure, live.note) == (1, STRUCTURE, "go")
    assert told(answer) == ["Version 1 is published: it is live now."]
    assert "go" in answer.content.decode()


def test_new_template_can_be_published_at_once(editor):
    post(editor, f"{LIST}add/", ROWS, "_publish")
    assert live_version(Template.objects.get().pk) is not None


def test_every_part_of_a_row_is_kept(editor, template):
    row = {"type": "body", "heading": "Main", "instructions": "a\r\nb", "parts": "2"}
    post(editor, page_of(template.pk), [row | {"words_least": "10", "words_most": "20"}])
    section = {"type": "body", "heading": "Main", "instructions": "a\nb", "sections": 2, "word_range": [10, 20]}
    assert TemplateVersion.objects.get().structure == {"sections": [section]}


def test_page_opens_with_the_draft_else_with_the_live_version(editor, template):
    publish(template, structure_saying("what is live"))
    assert "what is live" in editor.get(page_of(template.pk)).content.decode()
    draft_save(template, structure=structure_saying("what is drafted"))
    page = editor.get(page_of(template.pk)).content.decode()
    assert "what is drafted" in page
    assert "Version 1 is live until you publish" in page


def test_saving_over_a_live_version_starts_a_draft_and_leaves_it_live(editor, template):
    publish(template)
    post(editor, page_of(template.pk), [{"type": "body", "instructions": "new"}])
    versions = TemplateVersion.objects.order_by("number")
    assert [(version.number, version.is_published) for version in versions] == [(1, True), (2, False)]


def test_saving_without_a_change_of_text_makes_no_draft(editor, template):
    publish(template)
    answer = post(editor, page_of(template.pk), ROWS, tone="playful")
    template.refresh_from_db()
    assert template.tone == "playful"
    assert TemplateVersion.objects.count() == 1
    assert told(answer) == ["Saved. The text is that of the live version."]


def test_rows_are_stored_in_the_order_that_was_asked_for(editor, template):
    rows = [{**row, "ORDER": place} for row, place in zip(ROWS, (3, 1, 2), strict=True)]
    post(editor, page_of(template.pk), rows)
    stored = TemplateVersion.objects.get().structure["sections"]
    assert stored == [SECTIONS[1], SECTIONS[2], SECTIONS[0]]


def test_removed_row_is_gone_and_a_blank_one_ignored(editor, template):
    publish(template)
    blank = {"type": "", "instructions": " ", "ORDER": "9"}
    post(editor, page_of(template.pk), [ROWS[0], ROWS[1] | {"DELETE": "on"}, ROWS[2], blank])
    draft = TemplateVersion.objects.get(published_at=None)
    assert draft.structure["sections"] == [SECTIONS[0], SECTIONS[2]]


def row_errors(answer) -> list[dict[str, list[str]]]:
    return [dict(row.errors) for row in answer.context["sections"].forms]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "Not A Slug"}, "type"),
        ({"type": ""}, "type"),
        ({"instructions": ""}, "instructions"),
        ({"instructions": "x" * 10_001}, "instructions"),
        ({"instructions": "nul \x00"}, "instructions"),
        ({"heading": "x" * 201}, "heading"),
        ({"parts": "0"}, "parts"),
        ({"parts": "many"}, "parts"),
        ({"words_least": "5"}, "words_most"),
        ({"words_least": "5", "words_most": "4"}, "words_most"),
        ({"words_most": "100001", "words_least": "1"}, "words_most"),
    ],
)
def test_fault_stands_beside_its_field_and_nothing_is_stored(editor, template, change, field):
    answer = post(editor, page_of(template.pk), [ROWS[0], ROWS[1] | change], name="Renamed")
    assert [list(errors) for errors in row_errors(answer)] == [[], [field]]
    message = row_errors(answer)[1][field][0]
    assert message in answer.content.decode().replace("&#x27;", "'")
    template.refresh_from_db()
    assert template.name == "Article"
    assert not TemplateVersion.objects.exists()


def test_jinja_fault_stands_beside_its_row_in_the_order_of_the_page(editor, template):
    rows = [ROWS[0] | {"ORDER": 2}, {"type": "body", "instructions": "one\n{{ titel }}", "ORDER": 1}]
    answer = post(editor, page_of(template.pk), rows, "_publish")
    errors = row_errors(answer)
    assert errors[0] == {}
    assert errors[1]["instructions"][0].startswith("Section 1 (body), line 2: there is no variable 'titel'")
    assert not TemplateVersion.objects.exists()
    shown = re.findall(r'name="sections-(\d+)-instructions"', answer.content.decode())
    assert shown[:2] == ["1", "0"]


def test_unfinished_jinja_can_be_saved_as_a_draft(editor, template):
    post(editor, page_of(template.pk), [{"type": "body", "instructions": "{{ titel"}])
    assert TemplateVersion.objects.get().structure == structure_saying("{{ titel")


def test_template_without_sections_is_refused(editor, template):
    answer = post(editor, page_of(template.pk), [{"type": "", "instructions": ""}])
    assert answer.status_code == 200
    assert answer.context["adminform"].form.non_field_errors()
    assert not TemplateVersion.objects.exists()


def test_old_page_does_not_overwrite_what_somebody_saved_since(editor, template):
    sent = typed(editor, page_of(template.pk), ROWS)
    draft_save(template, structure=structure_saying("theirs"))
    answer = editor.post(page_of(template.pk), {**sent, "_save": "1"})
    assert "Somebody else saved or published" in answer.content.decode()
    assert TemplateVersion.objects.get().structure == structure_saying("theirs")


def test_old_page_does_not_take_back_what_somebody_published_since(editor, template):
    publish(template)
    sent = typed(editor, page_of(template.pk), [{"type": "body", "instructions": "mine"}])
    publish(template, structure_saying("theirs"))
    answer = editor.post(page_of(template.pk), {**sent, "_publish": "1"})
    assert "Somebody else saved or published" in answer.content.decode()
    live = live_version(template.pk)
    assert live is not None
    assert live.structure == structure_saying("theirs")


def test_the_history_says_what_was_saved_and_what_was_published(editor, template):
    def last() -> str:
        return LogEntry.objects.latest("pk").get_change_message()

    post(editor, page_of(template.pk), ROWS, note="first")
    assert last() == "Saved the draft."
    post(editor, page_of(template.pk), ROWS, "_publish", note="first", tone="playful")
    assert last() == "Published version 1: first. Changed Tone."
    post(editor, page_of(template.pk), ROWS, tone="playful", tags_text="a, b")
    assert last() == "Changed Tags."
    post(editor, page_of(template.pk), ROWS, tone="playful", tags_text="a, b")
    assert last() == "No fields changed."
    post(editor, f"{LIST}add/", ROWS, "_publish", name="Another")
    assert last() == "Added. Published version 1."


def test_what_is_published_while_the_template_is_switched_off_is_not_called_in_use(editor, template):
    sent = {**typed(editor, page_of(template.pk), ROWS), "_publish": "1"}
    del sent["is_active"]
    answer = editor.post(page_of(template.pk), sent, follow=True)
    assert told(answer) == [
        "Version 1 is published. The template is switched off: no context takes it before it is switched on."
    ]
    assert "no context takes it, for the template is switched off" in answer.content.decode()


def test_rolling_back_from_the_page(editor, template):
    publish(template, structure_saying("one"))
    publish(template, structure_saying("two"))
    assert "Roll back to this" in editor.get(page_of(template.pk)).content.decode()
    answer = editor.post(f"{LIST}{template.pk}/roll-back/1/", follow=True)
    live = live_version(template.pk)
    assert live is not None
    assert (live.number, live.structure) == (3, structure_saying("one"))
    assert told(answer) == ["Version 3 is live now; it says what version 1 said."]
    assert LogEntry.objects.count() == 1


def test_rolling_back_to_the_live_version_says_so(editor, template):
    publish(template)
    answer = editor.post(f"{LIST}{template.pk}/roll-back/1/", follow=True)
    assert told(answer) == ["The text of version 1 is live already."]


def test_draft_is_discarded_from_the_page(editor, template):
    publish(template)
    draft_save(template, structure=structure_saying("draft"))
    editor.post(f"{LIST}{template.pk}/discard-draft/")
    assert not TemplateVersion.objects.filter(published_at=None).exists()


def test_looking_at_a_button_changes_nothing(editor, template):
    publish(template, structure_saying("one"))
    publish(template, structure_saying("two"))
    assert editor.get(f"{LIST}{template.pk}/roll-back/1/").status_code == 405
    assert TemplateVersion.objects.count() == 2


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR])
def test_who_may_not_write_reads_the_text_and_its_history(template, role):
    publish(template, structure_saying("what is live"), note="why")
    reader = client_of(role)
    page = reader.get(page_of(template.pk))
    text = page.content.decode()
    assert page.status_code == 200
    assert "what is live" in text
    assert "why" in text
    assert "<textarea" not in text
    assert "Publish</button>" not in re.sub(r"\s", "", text)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR])
def test_who_may_not_write_cannot_by_other_ways_either(template, role):
    publish(template, structure_saying("one"))
    publish(template, structure_saying("two"))
    reader = client_of(role)
    assert reader.post(page_of(template.pk), {"name": "x", "_publish": "1"}).status_code == 403
    assert reader.get(f"{LIST}add/").status_code == 403
    reader.post(f"{LIST}{template.pk}/roll-back/1/")
    reader.post(f"{LIST}{template.pk}/discard-draft/")
    assert TemplateVersion.objects.count() == 2


def test_editor_of_an_organization_writes_its_own_templates_and_reads_shared_ones(organization, make):
    make("tmpl_shared")
    make("tmpl_own", organization=organization)
    make("tmpl_theirs", organization=Organization.objects.create(id="org_other", name="Other"))
    client = client_of(Role.EDITOR, organization)
    listed = client.get(LIST).content.decode()
    assert "tmpl_own" in listed
    assert "tmpl_shared" in listed
    assert "tmpl_theirs" not in listed
    assert "<textarea" in client.get(page_of("tmpl_own")).content.decode()
    assert "<em>Duplicate</em> makes one of your own" in client.get(page_of("tmpl_shared")).content.decode()
    assert client.post(page_of("tmpl_shared"), {"_save": "1"}).status_code == 403
    assert client.get(page_of("tmpl_theirs")).status_code == 302
    client.post(f"{LIST}tmpl_theirs/roll-back/1/")
    post(client, f"{LIST}add/", ROWS, name="New", organization="")
    assert not Template.objects.filter(name="New").exists()
    post(client, f"{LIST}add/", ROWS, name="New", organization=organization.pk)
    assert Template.objects.get(name="New").organization == organization


def test_list_shows_the_live_version_and_whether_there_is_a_draft(editor, template, make):
    make("tmpl_live")
    draft_save(template, structure=STRUCTURE)
    rows = re.sub(r"\s+", " ", editor.get(LIST).content.decode())
    assert "v1" in rows
    assert "none yet" in rows
    assert "draft" in rows


def test_list_says_who_changed_a_template_last_and_when(editor, template, make):
    author = User.objects.create_user("ada", role=Role.EDITOR, name="Ada")
    make("tmpl_live")
    publish(template)
    TemplateVersion.objects.update(published_at="2025-03-01T10:00:00Z", updated_at="2025-03-01T09:00:00Z")
    assert "1 Mar 2025, 10:00 UTC" in editor.get(LIST).content.decode()
    draft = draft_save(template, structure=STRUCTURE, author=author)
    TemplateVersion.objects.filter(pk=draft.pk).update(updated_at="2025-04-02T11:30:00Z")
    assert "2 Apr 2025, 11:30 UTC, Ada" in editor.get(LIST).content.decode()


def test_people_of_another_organization_are_not_named(organization, template):
    other = Organization.objects.create(id="org_other", name="Other")
    theirs = User.objects.create_user("grace", role=Role.EDITOR, name="Grace of theirs", organization=other)
    ours = User.objects.create_user("ada", role=Role.EDITOR, name="Ada of ours")
    draft_publish(draft_save(template, structure=structure_saying("one"), author=ours))
    draft_publish(draft_save(template, structure=structure_saying("two"), author=theirs))
    client, staff = client_of(Role.EDITOR, organization), client_of(Role.AUDITOR)
    for address in (LIST, page_of(template.pk), f"{LIST}{template.pk}/compare/"):
        assert "Grace" not in client.get(address).content.decode()
        assert "Grace" in staff.get(address).content.decode()
    assert "Ada of ours" in client.get(page_of(template.pk)).content.decode()
    told = client.get(f"/api/templates/{template.pk}/versions").json()["results"]
    assert [version["author"] for version in told] == [None, "Ada of ours"]


def test_page_lists_what_instructions_may_name(editor, template):
    page = editor.get(page_of(template.pk)).content.decode()
    for name in ("title", "keywords", "target_audience", "metadata", "data"):
        assert f"{{{{ {name} }}}}" in page


def test_client_role_does_not_enter(template):
    assert client_of(Role.CLIENT).get(page_of(template.pk)).status_code == 302
