"""Trials run for real: against a model server, with the real engine, on a real database."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import connections

from base import clock
from base.ids import first_id_at
from base.problems import Conflict
from components.models import Component
from contexts.models import Context, StepTranscript, Trial, TrialItem
from contexts.states import Status
from contexts.sweep import sweep
from contexts.trials.models import ItemState, TrialState
from contexts.trials.rows import LOSSES_AT_MOST, item_claim, item_write, trials_open
from contexts.trials.run import take_turn
from contexts.trials.selectors import recent_of_template
from contexts.trials.services import (
    Sample,
    comparison_begin,
    replay_begin,
    trial_cancel,
    trial_discard,
    trial_publish,
    trials_prune,
)
from templates_app.selectors import draft_of, live_version
from templates_app.services import draft_save
from tests.contexts.rows import just_now
from tests.contexts.trials.conftest import DATA, LINGER_SECONDS, PIPELINE, STRUCTURE, items, run_trials, states
from tests.durability.installation import wait_until
from tests.fakes import openai_server as model
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
PRICES = {"input_usd_per_million_tokens": 10, "output_usd_per_million_tokens": 20}


def error_type(item: TrialItem) -> str:
    assert item.error is not None
    return str(item.error["type"])


def said(model_server) -> list[str]:
    return [json.dumps(body["messages"]) for body in model_server.bodies]


def test_a_test_run_writes_draft_and_live_beside_each_other_and_stores_no_context(template, draft, who, model_server):
    trial, is_new = comparison_begin(template, Sample("article", PIPELINE, DATA), who())
    assert is_new
    assert run_trials() == 2
    trial.refresh_from_db()
    assert trial.state == TrialState.FINISHED
    draft_item, live_item = items(trial)
    assert [draft_item.side, live_item.side] == ["draft", "live"]
    for item in (draft_item, live_item):
        assert item.state == ItemState.DONE
        assert item.work["data"]["formatted_content"]["word_count"] > 0
        assert item.bill.tokens > 0
    assert sum("as the draft says" in prompt for prompt in said(model_server)) == 1
    assert not Context.objects.exists()
    assert not StepTranscript.objects.exists()


def test_a_test_run_of_a_past_context_takes_what_its_client_sent(template, draft, who, worked, model_server):
    (context,) = worked("The Stapler", template_id="tmpl_article_technical")
    model_server.bodies.clear()
    trial, _ = comparison_begin(template, context, who())
    run_trials()
    assert states(trial) == ["done", "done"]
    assert all("The Stapler" in prompt for prompt in said(model_server))
    before = (context.revision, context.data, context.step_runs)
    context.refresh_from_db()
    assert (context.revision, context.data, context.step_runs) == before


def test_another_template_that_the_data_names_gives_way_to_the_one_on_trial(template, draft, who, model_server):
    sample = Sample("article", PIPELINE, {**DATA, "template_id": "tmpl_something_else"})
    trial, _ = comparison_begin(template, sample, who())
    run_trials()
    assert states(trial) == ["done", "done"]


def test_a_replay_runs_the_draft_on_each_context_once__again(replay, worked, model_server):
    contexts = worked("One", "Two", "Three")
    calls = model_server.calls
    trial = replay(contexts)
    again = replay(contexts, trial_id=trial.pk)
    assert again.pk == trial.pk
    assert run_trials() == 3
    assert run_trials() == 0
    assert states(trial) == ["done"] * 3
    assert model_server.calls == calls + 3
    assert [item.context_id for item in items(trial)] == [context.pk for context in contexts]


def test_a_click_of_somebody_else_with_the_same_id_is_refused(replay, worked):
    administrator = User.objects.create_superuser("somebody-else", "x")
    contexts = worked("One")
    trial = replay(contexts)
    with pytest.raises(Conflict):
        replay(contexts, trial_id=trial.pk, author=administrator)


def test_without_a_draft_or_a_context_there_is_no_replay(template, who, worked):
    with pytest.raises(Conflict, match="has no draft"):
        replay_begin(template, worked("One"), who())
    draft_save(template, structure=STRUCTURE)
    with pytest.raises(Conflict, match="nothing to replay"):
        replay_begin(template, [], who())


def test_an_error_of_the_provider_is_kept_and_the_others_go_on(replay, worked, model_server):
    contexts = worked("One", "Refuse this")
    model_server.when("Refuse this", model.refusal("Not this one."))
    trial = replay(contexts)
    run_trials()
    assert states(trial) == ["done", "failed"]
    assert error_type(items(trial)[1]) == "model_refusal"
    trial.refresh_from_db()
    assert trial.state == TrialState.FINISHED


def test_an_error_that_passes_is_tried_again_at_the_step_that_failed(replay, worked, model_server):
    trial = replay(worked("One"))
    model_server.next(model.failing(500))
    take_turn_until(lambda: items(trial)[0].retry_count == 1)
    item = items(trial)[0]
    assert error_type(item) == "provider_error"
    assert item.work["processing"]["completed_components"] == ["template"]
    TrialItem.objects.update(due_at=just_now())
    run_trials()
    item.refresh_from_db()
    assert (item.state, item.error) == (ItemState.DONE, None)
    assert [run["key"] for run in item.work["step_runs"]].count("template") == 1


def take_turn_until(condition) -> None:
    """Run trials beside this thread until something is so."""
    stop = threading.Event()
    turn = threading.Thread(target=_turn_in_thread, kwargs={"should_stop": stop.is_set, "linger_seconds": 20})
    turn.start()
    try:
        wait_until(condition, seconds=15, what="it becomes so")
    finally:
        stop.set()
        turn.join(20)


def test_a_worker_that_died_is_followed_by_another_and_nothing_that_is_finished_runs_again(
    replay, worked, model_server
):
    trial = replay(worked("One", "Two"))
    run_trials()
    calls = model_server.calls
    Trial.objects.update(state=TrialState.RUNNING)
    second = items(trial)[1]
    dead = {"state": ItemState.RUNNING, "lease_token": "lease_dead", "lease_until": clock.now() - timedelta(seconds=1)}
    work = {
        **second.work,
        "processing": {"completed_components": ["template"]},
        "step_runs": second.work["step_runs"][:1],
    }
    TrialItem.objects.filter(pk=second.pk).update(**dead, work=work, ended_at=None)
    assert run_trials() == 1
    assert states(trial) == ["done", "done"]
    assert model_server.calls == calls + 1
    assert items(trial)[1].losses == 1
    assert not item_write(second.pk, "lease_dead", {"state": ItemState.FAILED})


def test_an_item_that_kills_its_worker_each_time_is_given_up(replay, worked, model_server):
    trial = replay(worked("One"))
    calls = model_server.calls
    past = clock.now() - timedelta(seconds=1)
    TrialItem.objects.update(
        state=ItemState.RUNNING, lease_token="lease_dead", lease_until=past, losses=LOSSES_AT_MOST, attempts=4
    )
    run_trials()
    assert error_type(items(trial)[0]) == "worker_lost"
    assert model_server.calls == calls


def test_two_who_claim_one_item_get_it_once(replay, worked):
    replay(worked("One"))
    first, second = (trials_open()[0].items[0] for _ in range(2))
    assert item_claim(first, clock.now())
    assert not item_claim(second, clock.now())


def test_a_budget_of_tokens_stops_a_replay_and_says_how_far_it_came(replay, worked, model_server):
    contexts = worked("One", "Two", "Three")
    used = sum(run["input_tokens"] or 0 for run in contexts[0].step_runs)
    used += sum(run["output_tokens"] or 0 for run in contexts[0].step_runs)
    trial = replay(contexts, most_tokens=round(used * 1.6))
    run_trials()
    trial.refresh_from_db()
    assert trial.state == TrialState.STOPPED
    assert states(trial) == ["done", "cancelled", "cancelled"]
    assert trial.reason.startswith("1 of 3 runs were begun; the next one would go beyond the budget of")


def test_a_budget_of_money_stops_a_replay(replay, worked, model_server):
    row = Component.objects.get(pk="comp_ai_generator_precise")
    Component.objects.filter(pk=row.pk).update(config={**row.config, **PRICES})
    contexts = worked("One", "Two", pipeline=["template", row.pk, "transformer"])
    cost = sum(run["cost_usd"] or 0 for run in contexts[0].step_runs)
    assert cost > 0
    trial = replay(contexts, most_usd=cost * 1.5)
    run_trials()
    trial.refresh_from_db()
    assert trial.state == TrialState.STOPPED
    assert states(trial) == ["done", "cancelled"]
    assert items(trial)[0].cost_usd > 0


def test_cancelling_breaks_off_what_runs_and_begins_nothing_more(replay, worked, model_server):
    trial = replay(worked(*(f"Title {number}" for number in range(6))))
    model_server.hold()
    turn = threading.Thread(target=_turn_in_thread)
    turn.start()
    try:
        calls = model_server.calls
        model_server.wait_until(lambda: model_server.in_flight == 4)
        trial_cancel(trial)
        model_server.wait_until(lambda: model_server.in_flight == 0)
    finally:
        model_server.release()
        turn.join(20)
    assert not turn.is_alive()
    assert states(trial) == ["cancelled"] * 6
    assert model_server.calls <= calls + 4
    with pytest.raises(Conflict):
        trial_cancel(trial)


def _turn_in_thread(linger_seconds: float = LINGER_SECONDS, should_stop=lambda: False) -> None:
    try:
        take_turn(linger_seconds=linger_seconds, should_stop=should_stop)
    finally:
        connections.close_all()


def test_a_turn_that_is_asked_to_stop_hands_back_what_runs(replay, worked, model_server):
    trial = replay(worked("One"))
    model_server.hold()
    try:
        take_turn(should_stop=lambda: model_server.in_flight == 1, linger_seconds=5)
    finally:
        model_server.release()
    (item,) = items(trial)
    assert (item.state, item.losses) == (ItemState.WAITING, 0)
    run_trials()
    assert states(trial) == ["done"]


def test_a_long_replay_keeps_no_test_run_waiting(replay, worked, template, who, model_server):
    long = replay(worked(*(f"Title {number}" for number in range(8))))
    test, _ = comparison_begin(template, Sample("article", PIPELINE, DATA), who())
    model_server.hold()
    turn = threading.Thread(target=_turn_in_thread)
    turn.start()
    try:
        model_server.wait_until(lambda: model_server.in_flight == 6)
        assert states(test) == ["running", "running"]
        assert states(long).count("running") == 4
    finally:
        model_server.release()
        turn.join(20)


def test_a_context_that_was_removed_meanwhile_is_said_so(replay, worked):
    trial = replay(worked("One"))
    Context.objects.all().delete()
    run_trials()
    (item,) = items(trial)
    assert (item.state, error_type(item)) == (ItemState.FAILED, "context_gone")


def test_what_was_tried_is_published_with_its_note(replay, worked, draft, template, editor):
    trial = replay(worked("One"))
    with pytest.raises(Conflict, match="still runs"):
        trial_publish(trial, note="", author=editor)
    run_trials()
    trial.refresh_from_db()
    version = trial_publish(trial, note="Looked at one pair", author=editor)
    assert (version.pk, version.note, version.structure) == (draft.pk, "Looked at one pair", draft.structure)
    trial.refresh_from_db()
    assert trial.decision == "published"
    with pytest.raises(Conflict, match="published already"):
        trial_publish(trial, note="", author=editor)


def test_a_draft_that_changed_since_its_trial_is_neither_published_nor_discarded(replay, worked, template, editor):
    trial = replay(worked("One"))
    run_trials()
    trial.refresh_from_db()
    live = live_version(template.pk)
    draft_save(template, structure={"sections": [{"type": "introduction", "instructions": "Not tried"}]})
    for wish in (lambda: trial_publish(trial, note="", author=editor), lambda: trial_discard(trial, template)):
        with pytest.raises(Conflict, match="no longer the one that was tried"):
            wish()
    assert live_version(template.pk) == live
    assert draft_of(template.pk) is not None


def test_a_draft_is_discarded_after_its_trial(replay, worked, template):
    trial = replay(worked("One"))
    run_trials()
    trial.refresh_from_db()
    trial_discard(trial, template)
    assert draft_of(template.pk) is None


def test_contexts_of_a_template_are_found_by_what_wrote_them(template, worked, other_organization, model_server):
    (mine,) = worked("Mine")
    (theirs,) = worked("Theirs", organization_id=other_organization.pk)
    worked("Of another template", template_id="tmpl_article_general")
    model_server.default = model.refusal()
    (failed,) = worked("Failed")
    assert [row.pk for row in recent_of_template(template, None, most=10)] == [failed.pk, theirs.pk, mine.pk]
    assert recent_of_template(template, other_organization.pk, most=10) == [theirs]
    assert recent_of_template(template, None, statuses=[Status.FAILED], most=10) == [failed]
    assert recent_of_template(template, None, most=1) == [failed]


def test_the_sweep_removes_trials_of_two_weeks_ago(replay, worked):
    old, new = replay(worked("One")), replay(worked("Two"))
    stale = first_id_at("trial", clock.now() - timedelta(days=15))
    TrialItem.objects.create(id=f"{stale}:001:draft", trial_id=stale, side="draft")
    Trial.objects.create(id=stale, kind=old.kind, template_id=old.template_id, texts={}, most_tokens=1)
    trials_prune()
    assert set(Trial.objects.values_list("pk", flat=True)) == {old.pk, new.pk}
    assert TrialItem.objects.count() == 2


def test_the_sweep_rings_for_trials_that_nobody_runs(replay, worked, monkeypatch):
    replay(worked("One"))
    rung = []
    monkeypatch.setattr("contexts.chore_bell.ChoreBell.ring", lambda self: rung.append(self._name))
    sweep()
    assert "trials" in rung
