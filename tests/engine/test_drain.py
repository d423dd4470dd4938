"""A drain on a real database, with the real components and a real model server."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connections

from base import clock
from contexts.engine.admission import LOSSES_WHEN_ALONE, TRIES_ALONE
from contexts.engine.run import run_drain
from contexts.models import Context, Provider, StepTranscript, Worker, WorkerState
from contexts.services import context_retry
from contexts.states import Status
from templates_app.services import template_select
from tests.contexts.rows import just_now
from tests.fakes import openai_server as model
from tests.fakes.openai_server import FakeOpenAi
from tests.stores.here import stores_here

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def model_server(settings):
    with FakeOpenAi() as server:
        settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, settings.OPENAI_MODEL = "key", server.base_url, "gpt-4"
        yield server


@pytest.fixture
def _samples(db) -> None:
    call_command("loadsamples", verbosity=0)


def make_due() -> None:
    """Let the time pass until the next try."""
    Context.objects.filter(status=Status.RETRYING).update(next_retry_at=just_now())


def drain_with_all_retries() -> None:
    for _ in range(4):
        make_due()
        run_drain(until_idle=True)


def two_drains() -> list[int]:
    """Run two drains beside each other; return how many contexts each picked up."""

    def drain(_: int) -> int:
        try:
            return run_drain(until_idle=True)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(drain, range(2)))


@pytest.mark.usefixtures("_samples")
def test_drain_completes_what_is_due_and_says_good_bye(make_context, model_server):
    for _ in range(20):
        make_context()
    assert run_drain(until_idle=True) == 20
    assert set(Context.objects.values_list("status", flat=True)) == {Status.COMPLETED}
    assert Worker.objects.get().state == WorkerState.STOPPED
    assert StepTranscript.objects.count() == 20


@pytest.mark.usefixtures("_samples")
def test_two_drains_share_the_work_and_double_nothing(make_context, model_server):
    for _ in range(60):
        make_context()

    assert sum(two_drains()) == 60
    assert model_server.calls == 60
    assert set(Context.objects.values_list("status", "attempts")) == {(Status.COMPLETED, 1)}


@pytest.mark.usefixtures("_samples")
def test_retry_resumes_at_the_failed_step(make_context, model_server):
    context = make_context()
    model_server.next(model.failing(500))
    run_drain(until_idle=True)
    context.refresh_from_db()
    assert (context.status, context.error["component"]) == (Status.RETRYING, "ai_generator")
    make_due()
    run_drain(until_idle=True)
    context.refresh_from_db()
    assert (context.status, context.error, context.retry_count) == (Status.COMPLETED, None, 1)
    runs = [(run["key"], run["outcome"], run["attempt"]) for run in context.step_runs]
    assert runs == [
        ("template", "completed", 1),
        ("ai_generator", "failed", 1),
        ("ai_generator", "completed", 2),
        ("transformer", "completed", 2),
    ]


@pytest.mark.usefixtures("_samples")
@pytest.mark.parametrize(
    ("behaviour", "type", "attempts"),
    [
        (model.broken_json(), "broken_json", 4),
        (model.empty(), "empty_answer", 4),
        (model.wrong_schema(), "wrong_schema", 4),
        (model.refusal(), "model_refusal", 1),
        (model.failing(500), "provider_error", 4),
        (model.failing(401), "provider_auth", 1),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_model_that_misbehaves_ends_in_a_failure_with_a_reason(make_context, model_server, behaviour, type, attempts):
    context = make_context()
    model_server.default = behaviour
    drain_with_all_retries()
    context.refresh_from_db()
    assert (context.status, context.error["type"], context.attempts) == (Status.FAILED, type, attempts)
    assert context.error["message"]
    assert context.data.keys() == {"title", "keywords", "tone", "template"}


@pytest.mark.usefixtures("_samples")
def test_refused_connection_is_not_called_a_time_out(make_context, settings):
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "key", "http://127.0.0.1:9/v1"
    context = make_context()
    run_drain(until_idle=True)
    context.refresh_from_db()
    assert (context.status, context.error["type"]) == (Status.RETRYING, "connection_refused")


@pytest.mark.usefixtures("_samples")
def test_failed_context_is_corrected_and_set_going_again(make_context, model_server):
    context = make_context(pipeline=["template", "ai_generator"], data={"template_id": "tmpl_nowhere"})
    run_drain(until_idle=True)
    context.refresh_from_db()
    assert context.status == Status.FAILED
    context_retry(context.pk, organization_id=None, patch={"template_id": "tmpl_article_technical"})
    run_drain(until_idle=True)
    context.refresh_from_db()
    assert context.status == Status.COMPLETED
    assert context.started_at is not None


@pytest.mark.usefixtures("_samples")
def test_retry_from_an_earlier_step_runs_it_and_all_later_ones_again(make_context, model_server):
    context = make_context(pipeline=["template", "ai_generator", {"component": "template"}])
    model_server.next(model.refusal())
    run_drain(until_idle=True)
    context_retry(context.pk, organization_id=None, from_step="template")
    context.refresh_from_db()
    assert "template" not in context.data
    run_drain(until_idle=True)
    context.refresh_from_db()
    assert context.status == Status.COMPLETED
    keys = [run["key"] for run in context.step_runs if run["outcome"] == "completed"]
    assert keys == ["template", "template", "ai_generator", "template#2"]


def drain_process(components: str) -> subprocess.Popen[str]:
    """Start a drain in a process of its own, whose loop may stand still for a second."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        **stores_here(),
        "COMPONENTS": ",".join(f"tests.engine.misbehaving.{name}" for name in components.split(",")),
        "LOOP_BLOCKED_SECONDS": "1",
    }
    command = [sys.executable, "manage.py", "drain", "--until-idle"]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> int:
    """Return the exit code; pytest shows what it wrote."""
    sys.stderr.write(process.communicate(timeout=60)[1])
    return process.returncode


@pytest.mark.parametrize("pipeline", [["blocker"], [["blocker", "template"]]], ids=["alone", "parallel"])
def test_component_that_blocks_its_worker_fails_alone(make_context, pipeline):
    blocked = make_context(pipeline=pipeline)
    innocent = make_context(pipeline=["template"], data={"template_id": "tmpl_nowhere"})
    Context.objects.filter(pk=innocent.pk).update(claim_order=blocked.claim_order + 1)
    assert ended(drain_process("Blocker")) == 75
    blocked.refresh_from_db()
    innocent.refresh_from_db()
    assert (blocked.status, blocked.error["type"]) == (Status.FAILED, "timed_out")
    assert blocked.error["component"] == "blocker"
    assert innocent.status in (Status.RETRYING, Status.FAILED), "handed back, or done before the block"
    assert innocent.worker_losses == 0


def test_component_that_blocks_from_a_task_of_its_own_makes_suspects(make_context):
    blocked = make_context(pipeline=["nested_blocker"])
    assert ended(drain_process("Nested")) == 75
    blocked.refresh_from_db()
    assert (blocked.status, blocked.worker_losses) == (Status.RETRYING, 1)
    Context.objects.update(worker_losses=LOSSES_WHEN_ALONE + TRIES_ALONE - 1)
    assert ended(drain_process("Nested")) == 75
    blocked.refresh_from_db()
    assert (blocked.status, blocked.error["type"]) == (Status.FAILED, "worker_lost")


def test_process_that_stood_still_blames_nobody(make_context):
    """SIGSTOP, a paused virtual machine: the loop did not turn, but no component is at fault."""
    context = make_context(pipeline=["busy"])
    process = drain_process("Busy")
    deadline = time.monotonic() + 30
    while not Context.objects.filter(status=Status.PROCESSING).exists():
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)
    threading.Event().wait(0.5)
    process.send_signal(signal.SIGSTOP)
    threading.Event().wait(2.5)
    process.send_signal(signal.SIGCONT)
    assert ended(process) == 0
    context.refresh_from_db()
    assert (context.status, context.attempts) == (Status.COMPLETED, 1)


@pytest.mark.usefixtures("_samples")
def test_template_that_a_client_sends_is_data_and_is_never_rendered(make_context, model_server):
    section = {"type": "introduction", "instructions": "Say {{ 6 * 7 }} and {{ metadata }}"}
    make_context(pipeline=["ai_generator"], data={"title": "T", "template": {"id": "x", "sections": [section]}})
    run_drain(until_idle=True)
    (body,) = model_server.bodies
    prompt = body["messages"][-1]["content"]
    assert "{{ 6 * 7 }}" in prompt
    assert "42" not in prompt


@pytest.mark.usefixtures("_samples")
def test_provider_that_asks_to_be_left_alone_costs_no_retry_and_says_so(make_context, model_server):
    context, other = make_context(), make_context()
    model_server.default = model.rate_limited("60")
    run_drain(until_idle=True)
    for row in (context, other):
        row.refresh_from_db()
        assert (row.status, row.retry_count, row.error) == (Status.RETRYING, 0, None)
        assert row.waiting_for.startswith("provider openai until 20")
        assert timedelta(seconds=55) < row.next_retry_at - clock.now() <= timedelta(seconds=60)
        assert [run["key"] for run in row.step_runs] == ["template"], "nothing was run in vain"
    calls = model_server.calls
    make_due()
    run_drain(until_idle=True)
    assert model_server.calls == calls, "another worker leaves it alone too"
    model_server.default = model.answer()
    let_provider_be_called()
    make_due()
    run_drain(until_idle=True)
    context.refresh_from_db()
    assert (context.status, context.retry_count, context.waiting_for) == (Status.COMPLETED, 0, "")


def let_provider_be_called() -> None:
    """Let the time pass until the provider takes calls again."""
    for row in Provider.objects.all():
        row.state["cool_until"] = 0.0
        row.save()


@pytest.mark.usefixtures("_samples")
def test_database_that_is_away_while_a_step_reads_fails_no_context(make_context, model_server, monkeypatch):
    answers = iter([OperationalError("unable to open database file")] * 2)

    def sometimes(**wishes: Any) -> Any:
        if (error := next(answers, None)) is not None:
            raise error
        return template_select(**wishes)

    monkeypatch.setattr("components.adapters.template_select", sometimes)
    context = make_context()
    run_drain(until_idle=True)
    context.refresh_from_db()
    assert (context.status, context.attempts, len(context.step_runs)) == (Status.COMPLETED, 1, 3)


@pytest.mark.usefixtures("_samples")
def test_limit_of_calls_at_once_holds_for_all_workers(make_context, model_server, settings):
    settings.OPENAI_MAX_CONCURRENT = 5
    model_server.latency_seconds = 0.02
    for _ in range(60):
        make_context()

    two_drains()
    assert set(Context.objects.values_list("status", flat=True)) == {Status.COMPLETED}
    assert 2 <= model_server.most_in_flight <= 5
