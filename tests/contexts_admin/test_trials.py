"""The pages of trials: who may do what, whose data they show, and that nothing untrusted gets through."""

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contexts.models import Trial, TrialItem
from contexts.trials.models import TrialState, new_trial_id
from contexts.trials.run import take_turn
from templates_app.models import Template
from templates_app.selectors import draft_of, live_version
from templates_app.services import draft_discard, draft_save
from tests.contexts.trials.conftest import LINGER_SECONDS, STRUCTURE
from tests.fakes import openai_server as model
from users.access import Role
from users.models import Organization

pytestmark = pytest.mark.django_db(transaction=True)
TEMPLATE = "tmpl_article_technical"
TRIALS = "/admin/contexts/trial/"
SAMPLE = {"source": "sample", "title": "The Lamp", "keywords": "light", "version": "draft"}
BEGINNINGS = ("preview", "test", "replay")


@pytest.fixture
def template(transactional_db) -> Template:
    call_command("loadsamples", verbosity=0)
    found = Template.objects.get(pk=TEMPLATE)
    draft_save(found, structure=STRUCTURE, note="Shorter")
    return found


@pytest.fixture
def editor(person):
    return person(Role.EDITOR)


def budget(**changes):
    return {"most_tokens": 100_000, "trial_id": new_trial_id(), **changes}


def page_of(trial: Trial, name: str = "change") -> str:
    return f"{TRIALS}{quote(trial.pk)}/{name}/"


def test_a_preview_that_fails_advises_no_retry_of_what_was_never_submitted(template, editor):
    draft_save(template, structure={"sections": [{"type": "intro", "instructions": "{{ data.mood }}"}]}, note="")
    page = editor.post(f"{TRIALS}preview/{TEMPLATE}/", SAMPLE).content.decode()
    assert "this context brings no &#x27;mood&#x27;" in page
    assert "retry from the template step" not in page


def test_sample_data_may_bring_the_notes_of_a_client(template, editor):
    draft_save(
        template, structure={"sections": [{"type": "intro", "instructions": "{{ metadata.campaign }}"}]}, note=""
    )
    more = "summary: It shines\nmetadata.campaign: spring sale"
    page = editor.post(f"{TRIALS}preview/{TEMPLATE}/", {**SAMPLE, "more": more}).content.decode()
    assert "## intro\nspring sale" in page
    begin(editor, "test", **{**SAMPLE, "more": more})
    sample = Trial.objects.get().sample
    assert sample is not None
    assert (sample["data"]["summary"], sample["metadata"]) == ("It shines", {"campaign": "spring sale"})


def begin(browser, kind: str, **said):
    return browser.post(f"{TRIALS}{kind}/{TEMPLATE}/", {**budget(), **said})


def run() -> int:
    return take_turn(linger_seconds=LINGER_SECONDS)


@pytest.mark.parametrize(
    ("role", "previews", "tries", "looks"),
    [
        (Role.ADMINISTRATOR, 200, 200, 200),
        (Role.EDITOR, 200, 200, 200),
        (Role.OPERATOR, 200, 403, 200),
        (Role.AUDITOR, 200, 403, 200),
        (Role.CLIENT, 302, 302, 302),
    ],
)
def test_who_may_preview_try_and_look(person, template, editor, role, previews, tries, looks):
    begin(editor, "test", **SAMPLE)
    trial = Trial.objects.get()
    browser = person(role, None) if role != Role.EDITOR else editor
    found = [browser.get(f"{TRIALS}{kind}/{TEMPLATE}/").status_code for kind in BEGINNINGS]
    assert found == [previews, tries, tries]
    for page in (TRIALS, page_of(trial), page_of(trial, "progress"), page_of(trial, "pair/1")):
        assert browser.get(page).status_code == looks, page
    shown = browser.get(f"/admin/templates_app/template/{TEMPLATE}/change/").content.decode()
    assert ("Replay before publish" in shown) == (tries == 200)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR])
def test_those_who_only_look_move_nothing(person, template, editor, role):
    begin(editor, "test", **SAMPLE)
    trial = Trial.objects.get()
    browser = person(role)
    for kind in ("test", "replay"):
        assert begin(browser, kind, **SAMPLE, count=1).status_code == 403
    for move in ("cancel", "publish", "discard"):
        assert browser.post(page_of(trial, move)).status_code == 403
        assert browser.get(page_of(trial, move)).status_code == 405
    assert Trial.objects.get().state == TrialState.RUNNING
    assert draft_of(TEMPLATE) is not None


def test_staff_of_an_organization_try_their_own_templates_on_their_own_contexts(
    person, template, other, worked, model_server
):
    theirs = worked(model.answer(), owner=Organization.objects.get(pk="org_default"), title="Not for others")
    mine = worked(model.answer(), owner=other, title="For others")
    browser = person(Role.EDITOR, other)
    assert browser.get(f"{TRIALS}preview/{TEMPLATE}/").status_code == 200
    assert browser.get(f"{TRIALS}test/{TEMPLATE}/").status_code == 403  # a shared template
    Template.objects.filter(pk=TEMPLATE).update(organization=other)
    page = browser.get(f"{TRIALS}replay/{TEMPLATE}/").content.decode()
    assert "For others" in page
    assert "Not for others" not in page
    for kind, said in (("preview", {"version": "draft"}), ("test", {})):
        answer = browser.post(
            f"{TRIALS}{kind}/{TEMPLATE}/", {**budget(), "source": "past", "context_id": theirs.pk, **said}
        )
        assert f"There is no context &#x27;{theirs.pk}&#x27;." in answer.content.decode()
    assert begin(browser, "replay", count=5).status_code == 302
    assert [item.context_id for item in TrialItem.objects.all()] == [mine.pk]
    assert Trial.objects.get().organization_id == other.pk


def test_trials_of_others_are_not_seen(person, template, other, editor):
    begin(editor, "test", **SAMPLE)
    trial = Trial.objects.get()
    browser = person(Role.EDITOR, other)
    assert trial.pk not in browser.get(TRIALS).content.decode()
    for page in ("change", "progress", "pair/1"):
        assert browser.get(page_of(trial, page)).status_code == 404
    assert browser.post(page_of(trial, "cancel")).status_code == 404


def test_a_template_of_others_cannot_be_tried(person, template, other):
    Template.objects.filter(pk=TEMPLATE).update(organization_id="org_default")
    browser = person(Role.EDITOR, other)
    for kind in BEGINNINGS:
        assert browser.get(f"{TRIALS}{kind}/{TEMPLATE}/").status_code == 404


def test_a_second_click_begins_nothing_anew(editor, template):
    said = {**budget(), **SAMPLE}
    answers = [editor.post(f"{TRIALS}test/{TEMPLATE}/", said) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0].url == answers[1].url
    assert Trial.objects.count() == 1
    assert TrialItem.objects.count() == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("trial_id", "trial_x"),
        ("trial_id", "ctx_01JD8M7Z4Q1V9XKJ3T5N6R8W2C"),
        ("most_tokens", "0"),
        ("most_tokens", "many"),
        ("most_usd", "-1"),
        ("most_usd", "nan"),
        ("source", "else"),
        ("pipeline", "pipe_nowhere"),
        ("more", "no name"),
        ("title", "x" * 1_001),
        ("title", "a\x00b"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_begins_nothing(editor, template, field, value):
    answer = begin(editor, "test", **{**SAMPLE, field: value})
    assert answer.status_code == 200
    assert field in answer.context["form"].errors
    assert not Trial.objects.exists()


def test_more_contexts_than_the_most_are_refused(editor, template):
    answer = begin(editor, "replay", count=51)
    assert "count" in answer.context["form"].errors


def test_what_a_model_wrote_is_sanitised_and_what_a_client_sent_is_escaped(editor, template, worked, model_server):
    evil = {"introduction": "<script>alert(1)</script><b onclick=x()>Hi</b>", "conclusion": "[x](javascript:alert(2))"}
    said = json.dumps({**evil, "body": [{"heading": "<img src=x onerror=y()>", "content": "Text"}] * 2})
    worked(model.answer(), title="<script>alert(3)</script>")
    model_server.default = model.answer(said)
    begin(editor, "replay", count=1)
    run()
    trial = Trial.objects.get()
    for page in (page_of(trial), page_of(trial, "pair/1")):
        shown = editor.get(page).content.decode()
        assert "Hi" in shown
        for bad in ("<script>alert", "<b onclick", "<img src=x", 'href="javascript'):
            assert bad not in shown, bad


def test_who_took_which_data_stands_in_the_histories(editor, template, worked):
    context = worked(model.answer())
    begin(editor, "replay", count=1)
    trial = Trial.objects.get()
    messages = list(LogEntry.objects.values_list("object_id", "change_message"))
    assert (TEMPLATE, f"Began replay {trial.pk}.") in messages
    assert (context.pk, f"Its data was taken for trial {trial.pk} of {TEMPLATE}.") in messages


def test_a_page_that_shows_the_present_state_is_answered_with_nothing(editor, template, model_server):
    begin(editor, "test", **SAMPLE)
    trial = Trial.objects.get()
    first = editor.get(page_of(trial, "progress"))
    mark = first.context["progress"].mark
    assert editor.get(f"{page_of(trial, 'progress')}?mark={mark}").status_code == 204
    run()
    answer = editor.get(f"{page_of(trial, 'progress')}?mark={mark}")
    assert answer.status_code == 200
    assert "data-running" not in answer.content.decode()


def test_without_a_draft_the_live_version_is_run_alone_and_nothing_is_to_be_published(editor, template, model_server):
    draft_discard(template)
    assert "There is no draft" in begin(editor, "replay", count=1).content.decode()
    begin(editor, "test", **SAMPLE)
    run()
    trial = Trial.objects.get()
    shown = editor.get(page_of(trial)).content.decode()
    assert "Live (v1)" in shown
    assert "Publish the draft?" not in shown
    editor.post(page_of(trial, "publish"), {"note": ""})
    live = live_version(TEMPLATE)
    assert live is not None
    assert live.number == 1


def test_a_context_that_is_gone_is_said_so(editor, template, worked):
    context = worked(model.answer())
    begin(editor, "replay", count=1)
    context.delete()
    run()
    shown = editor.get(page_of(Trial.objects.get())).content.decode()
    assert "It was removed, or is not yours to see." in shown
    assert "There is nothing to run any more." in shown


def test_the_list_asks_as_many_questions_for_many_trials_as_for_one(editor, template):
    begin(editor, "test", **SAMPLE)
    editor.get(TRIALS)
    with CaptureQueriesContext(connection) as one:
        editor.get(TRIALS)
    for _ in range(3):
        begin(editor, "test", **SAMPLE)
    with CaptureQueriesContext(connection) as many:
        editor.get(TRIALS)
    assert len(one) > 0
    assert len(many) == len(one)
