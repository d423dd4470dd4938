"""What people wish of contexts: submit, cancel, retry."""

from datetime import timedelta
from typing import Any

import pytest

from base import clock
from base.problems import Conflict, InvalidInput, NotFound, TooLarge
from contexts import services
from contexts.doorbell import Doorbell
from contexts.models import Context
from contexts.services import context_cancel, context_retry, context_submit
from contexts.states import Move, Status, sources
from contexts.submission import ContextSubmission, Submitter
from tests.contexts.rows import INPUT, STEPS, TEMPLATE, WRITES, make_context, ran_context, step_run

ORGANIZATION = "org_test"


def submission(**more):
    return ContextSubmission.model_validate({"type": "article", "pipeline": ["template"], "data": INPUT, **more})


def retry(context, **wish):
    return context_retry(context.pk, organization_id=ORGANIZATION, **wish)


def test_a_submission_becomes_a_pending_context(organization):
    context, is_new = context_submit(submission(), submitter=Submitter(ORGANIZATION))
    assert is_new
    stored = Context.objects.get(pk=context.pk)
    assert (stored.status, stored.title, stored.revision, stored.attempts) == ("pending", "Example Article", 1, 0)
    assert stored.created_at == stored.updated_at


def test_the_same_id_is_stored_once(organization):
    first, _ = context_submit(submission(), submitter=Submitter(ORGANIZATION), context_id="ctx_mine")
    again, is_new = context_submit(submission(), submitter=Submitter(ORGANIZATION), context_id="ctx_mine")
    assert (again.pk, is_new) == (first.pk, False)
    assert Context.objects.count() == 1


def test_a_submission_rings_for_a_worker(organization, monkeypatch):
    rings = []
    monkeypatch.setattr(Doorbell, "ring", lambda self: rings.append(1))
    context_submit(submission(), submitter=Submitter(ORGANIZATION))
    assert rings == [1]


def test_a_higher_priority_is_claimed_first_but_not_for_ever(organization):
    low, _ = context_submit(submission(priority=100), submitter=Submitter(ORGANIZATION))
    normal, _ = context_submit(submission(), submitter=Submitter(ORGANIZATION))
    high, _ = context_submit(submission(priority=0), submitter=Submitter(ORGANIZATION))
    assert high.claim_order < normal.claim_order < low.claim_order
    assert low.claim_order - normal.claim_order <= timedelta(minutes=11) / timedelta(milliseconds=1)


@pytest.mark.parametrize("title", [None, 5, ["x"], "", "  two\n words ", "x" * 400])
def test_the_title_is_what_lists_can_show(organization, title):
    context, _ = context_submit(submission(data={"title": title}), submitter=Submitter(ORGANIZATION))
    expected = " ".join(title.split())[:300] if isinstance(title, str) else ""
    assert Context.objects.get(pk=context.pk).title == expected


@pytest.mark.parametrize("status", list(Status))
def test_a_cancellation_is_legal_from_its_sources_only(organization, status):
    context = make_context(organization, status, lease_token="wrk_1", next_retry_at=clock.now(), waiting_for="x")
    if status in sources(Move.CANCEL):
        cancelled = context_cancel(context.pk, organization_id=ORGANIZATION)
        assert (cancelled.status, cancelled.lease_token, cancelled.next_retry_at) == ("cancelled", "", None)
        assert cancelled.ended_at is not None
        assert cancelled.revision == 2
    else:
        with pytest.raises(NotFound if status == Status.HELD else Conflict):
            context_cancel(context.pk, organization_id=ORGANIZATION)
        context.refresh_from_db()
        assert (context.status, context.revision, context.lease_token) == (status, 1, "wrk_1")


@pytest.mark.parametrize("status", list(Status))
def test_a_retry_is_legal_from_its_sources_only(organization, status):
    context = make_context(organization, status)
    if status in sources(Move.RETRY):
        assert retry(context).status == Status.RETRYING
    else:
        with pytest.raises(NotFound if status == Status.HELD else Conflict):
            retry(context)
        context.refresh_from_db()
        assert (context.status, context.revision) == (status, 1)


@pytest.mark.parametrize("move", [context_cancel, context_retry])
def test_another_organizations_context_is_not_there(organization, move):
    context = make_context(organization, Status.FAILED)
    with pytest.raises(NotFound):
        move(context.pk, organization_id="org_other")


def test_a_retry_is_due_now_and_starts_counting_anew(organization):
    context = ran_context(organization, Status.FAILED, ["template"], retry_count=3, worker_losses=2)
    again = retry(context)
    assert again.next_retry_at is not None
    assert again.next_retry_at <= clock.now()
    assert (context.error_type, context.error_component) == ("rate_limited", "ai_generator")
    assert (again.retry_count, again.worker_losses, again.error, again.ended_at) == (0, 0, None, None)
    assert (again.error_type, again.error_component) == (None, None)
    assert again.attempts == 1
    assert again.step_runs == context.step_runs


@pytest.mark.parametrize(
    ("from_step", "kept"),
    [("failed", STEPS[:2]), ("transformer", STEPS[:2]), ("ai_generator", STEPS[:1]), ("template", []), ("start", [])],
)
def test_a_retry_from_a_step_rewinds_data_and_progress(organization, from_step, kept):
    again = retry(ran_context(organization, Status.FAILED, STEPS[:2]), from_step=from_step)
    expected = dict(INPUT)
    for key in kept:
        expected |= WRITES[key]
    assert again.data == expected
    assert again.processing.get("completed_components", []) == kept
    assert again.processing.get("current_component") == (kept[-1] if kept else None)


def test_a_retry_gives_back_what_a_step_overwrote(organization):
    context = ran_context(organization, Status.FAILED, STEPS[:1])
    context.step_runs[0]["replaced"] = {"template": "mine"}
    context.save()
    assert retry(context, from_step="start").data == {**INPUT, "template": "mine"}


def test_a_parallel_neighbour_keeps_its_result(organization):
    context = make_context(
        organization,
        Status.FAILED,
        pipeline=[["template", "ai_generator"], "transformer"],
        data={**INPUT, "template": TEMPLATE, **WRITES["ai_generator"]},
        step_runs=[step_run("template"), step_run("ai_generator"), step_run("transformer", "failed")],
        processing={"completed_components": STEPS[:2], "start_time": "2023-05-15T10:31:00Z"},
    )
    again = retry(context, from_step="ai_generator")
    assert again.data == {**INPUT, "template": TEMPLATE}
    assert again.processing["completed_components"] == ["template"]


@pytest.mark.parametrize("from_step", ["transformer", "nothing", "", "template#2"])
def test_a_step_that_was_not_reached_is_named_with_those_that_were(organization, from_step):
    context = ran_context(organization, Status.FAILED, STEPS[:1])
    with pytest.raises(InvalidInput, match="failed, start, template, ai_generator") as caught:
        retry(context, from_step=from_step)
    assert caught.value.errors[0].path == "/from"
    context.refresh_from_db()
    assert context.status == Status.FAILED


def test_a_patch_changes_the_clients_part(organization):
    context = ran_context(organization, Status.FAILED, STEPS[:1])
    again = retry(context, patch={"title": " New  title ", "tone": None, "facts": {"a": 1}})
    assert again.data == {"title": " New  title ", "facts": {"a": 1}, "template": TEMPLATE}
    assert again.title == "New title"


@pytest.mark.parametrize(("from_step", "refused"), [("failed", True), ("template", False), ("start", False)])
def test_a_patch_cannot_touch_what_a_kept_step_wrote(organization, from_step, refused):
    context = ran_context(organization, Status.FAILED, STEPS[:1])
    if refused:
        with pytest.raises(InvalidInput) as caught:
            retry(context, from_step=from_step, patch={"template": {"id": "x"}})
        assert [fault.path for fault in caught.value.errors] == ["/data/template"]
    else:
        assert retry(context, from_step=from_step, patch={"template": 1}).data == {**INPUT, "template": 1}


def test_a_patch_is_bound_by_the_limits_of_data(organization):
    context = ran_context(organization, Status.FAILED, STEPS[:1])
    deep: dict[str, Any] = {}
    for _ in range(64):
        deep = {"d": deep}
    with pytest.raises(InvalidInput):
        retry(context, patch={"deep": deep})
    with pytest.raises(TooLarge):
        retry(context, patch={"large": "x" * 2**20})
    context.refresh_from_db()
    assert context.status == Status.FAILED


def test_results_of_kept_steps_do_not_count_as_the_clients_data(organization):
    context = ran_context(organization, Status.FAILED, STEPS[:1])
    context.data["template"] = {"text": "x" * 2**20}
    context.save()
    assert retry(context, patch={"title": "x"}).status == Status.RETRYING


def test_a_context_that_changed_meanwhile_is_a_conflict(organization, monkeypatch):
    context = ran_context(organization, Status.FAILED, STEPS[:1])
    stale = Context.objects.get(pk=context.pk)
    Context.objects.filter(pk=context.pk).update(revision=7)
    monkeypatch.setattr(services, "context_get", lambda *_: stale)
    with pytest.raises(Conflict, match="changed meanwhile"):
        retry(context)
    context.refresh_from_db()
    assert (context.status, context.revision) == (Status.FAILED, 7)
