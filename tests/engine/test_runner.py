"""One context through its pipeline: no database, no Django, a store that remembers."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import Field

from components.contract import SECRET, Component, ComponentConfig, ContextView, StepNotes, Tools
from components.errors import PermanentError, TransientError
from components.pipeline import Step
from contexts.engine.job import Job, Lease, LeaseLost, Write
from contexts.engine.retry import RetryPolicy
from contexts.engine.runner import Limits, Runner
from contexts.states import Move

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class MemoryStore:
    """Keeps writes in order; refuses them once the lease is lost."""

    writes: list[Write] = field(default_factory=list)
    lost_after: int | None = None

    async def commit(self, write: Write) -> None:
        if self.lost_after is not None and len(self.writes) >= self.lost_after:
            raise LeaseLost(write.context_id)
        self.writes.append(write)

    @property
    def moves(self) -> list[Move]:
        return [write.move for write in self.writes]

    @property
    def last(self) -> dict[str, Any]:
        return self.writes[-1].values


Behaviour = Callable[[ContextView, Tools], Any]


def component(name: str, behaviour: Behaviour, writes: set[str], timeout: float | None = None) -> Component[Any]:
    async def process(self: Any, context: ContextView, tools: Tools) -> dict[str, Any]:
        result = behaviour(context, tools)
        answer: dict[str, Any] = await result if asyncio.iscoroutine(result) else result
        return answer

    namespace = {"name": name, "writes": frozenset(writes), "process": process, "timeout_seconds": timeout}
    return type(name, (Component,), namespace)(ComponentConfig())  # type: ignore[no-any-return]


def writing(**values: Any) -> Component[Any]:
    return component("writing", lambda context, tools: dict(values), set(values))


def failing(exc: BaseException) -> Component[Any]:
    def behave(context: ContextView, tools: Tools) -> dict[str, Any]:
        raise exc

    return component("failing", behave, set())


def job(pipeline: list[Any], **changes: Any) -> Job:
    values: dict[str, Any] = {
        "id": "ctx_1",
        "lease": Lease("wrk_1", 1),
        "type": "article",
        "organization_id": "org_1",
        "pipeline": pipeline,
        "data": {"title": "T"},
        "metadata": {},
        "processing": {},
        "step_runs": [],
        "started_at": START,
        **changes,
    }
    return Job(**values)


def runner(
    store: MemoryStore,
    components: dict[str, Component[Any]],
    *,
    limits: Limits | None = None,
    fatal: tuple[type[BaseException], ...] = (),
    keys: list[str] | None = None,
) -> Runner:
    async def build(step: Step) -> Component[Any]:
        return components[step.component]

    def tools(job: Job, idempotency_key: str, notes: StepNotes) -> Tools:
        if keys is not None:
            keys.append(idempotency_key)
        nothing: Any = None
        return Tools(nothing, nothing, nothing, nothing, idempotency_key, notes)

    return Runner(
        store=store,
        build=build,
        tools=tools,
        limits=limits or Limits(5, 10),
        now=lambda: START,
        policy=RetryPolicy(jitter=0),
        fatal=fatal,
    )


async def test_each_step_is_durable_before_the_next_and_the_last_one_ends_the_context():
    store = MemoryStore()
    await runner(store, {"a": writing(one=1), "b": writing(two=2)}).run(job(["a", "b"]))
    assert store.moves == [Move.CHECKPOINT, Move.COMPLETE]
    assert store.writes[0].values["data"] == {"title": "T", "one": 1}
    assert store.writes[0].values["processing"]["current_component"] == "a"
    assert store.last["data"] == {"title": "T", "one": 1, "two": 2}
    assert store.last["processing"]["completed_components"] == ["a", "b"]
    assert "current_component" not in store.last["processing"]


async def test_finished_steps_are_not_run_again():
    store = MemoryStore()
    done = {"completed_components": ["a"], "start_time": "2026-01-01T00:00:00Z", "component_timings": {"a": 7}}
    await runner(store, {"a": failing(AssertionError()), "b": writing(two=2)}).run(job(["a", "b"], processing=done))
    assert store.moves == [Move.COMPLETE]
    assert store.last["processing"]["component_timings"] == {"a": 7, "b": 0}


async def test_context_whose_steps_are_all_done_is_completed():
    store = MemoryStore()
    await runner(store, {}).run(job(["a"], processing={"completed_components": ["a"]}))
    assert store.moves == [Move.COMPLETE]


async def test_transient_error_is_retried_later_and_keeps_what_is_done():
    store = MemoryStore()
    await runner(store, {"a": writing(one=1), "b": failing(TransientError("busy"))}).run(job(["a", "b"]))
    assert store.moves == [Move.CHECKPOINT, Move.RETRY_LATER]
    assert store.last["next_retry_at"] == START + timedelta(seconds=5)
    assert store.last["retry_count"] == 1
    assert store.last["error"]["component"] == "b"
    assert "data" not in store.last


async def test_retry_after_of_the_provider_wins():
    store = MemoryStore()
    await runner(store, {"a": failing(TransientError("slow down", retry_after=42))}).run(job(["a"]))
    assert store.last["next_retry_at"] == START + timedelta(seconds=42)


async def test_last_retry_used_up_fails():
    store = MemoryStore()
    await runner(store, {"a": failing(TransientError("busy"))}).run(job(["a"], retry_count=3))
    assert store.moves == [Move.FAIL]
    assert store.last["error"]["retryable"] is True


async def test_permanent_error_fails_at_once():
    store = MemoryStore()
    await runner(store, {"a": failing(PermanentError("no", type="no_way"))}).run(job(["a"]))
    assert store.moves == [Move.FAIL]
    assert store.last["error"] == {
        "component": "a",
        "type": "no_way",
        "message": "no",
        "retryable": False,
        "attempt": 1,
        "at": "2026-01-01T00:00:00Z",
    }


@pytest.mark.parametrize("exc", [ValueError("secret"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
async def test_whatever_a_component_raises_fails_that_context_alone(exc: BaseException):
    store = MemoryStore()
    await runner(store, {"a": failing(exc)}).run(job(["a"]))
    assert store.moves == [Move.FAIL]
    assert store.last["error"]["type"] == "component_broke"
    assert "secret" not in store.last["error"]["message"]
    assert type(exc).__name__ in store.last["step_runs"][-1]["traceback"]


async def test_fatal_exception_goes_through():
    class QueueTimeout(SystemExit):
        pass

    store = MemoryStore()
    with pytest.raises(QueueTimeout):
        await runner(store, {"a": failing(QueueTimeout())}, fatal=(QueueTimeout,)).run(job(["a"]))
    assert store.writes == []


async def test_our_cancellation_goes_through_and_writes_nothing():
    store = MemoryStore()
    started = asyncio.Event()

    async def wait(context: ContextView) -> dict[str, Any]:
        started.set()
        await asyncio.sleep(60)
        return {}

    slow = component("slow", lambda context, tools: wait(context), set())
    task = asyncio.create_task(runner(store, {"a": slow}).run(job(["a"])))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert store.writes == []


async def test_lost_lease_ends_silently():
    store = MemoryStore(lost_after=1)
    ran: list[str] = []

    def note(context: ContextView, tools: Tools) -> dict[str, Any]:
        ran.append(context.step_key)
        return {}

    last = component("last", note, set())
    await runner(store, {"a": writing(one=1), "b": writing(two=2), "c": last}).run(job(["a", "b", "c"]))
    assert store.moves == [Move.CHECKPOINT]
    assert ran == []


async def test_step_over_its_time_is_a_retryable_error():
    store = MemoryStore()
    slow = component("slow", lambda context, tools: asyncio.sleep(60), set(), timeout=0.01)
    await runner(store, {"a": slow}).run(job(["a"]))
    assert store.moves == [Move.RETRY_LATER]
    assert store.last["error"]["type"] == "timed_out"


async def test_components_own_timeout_error_is_not_ours():
    store = MemoryStore()
    await runner(store, {"a": failing(TimeoutError("theirs"))}).run(job(["a"]))
    assert store.last["error"]["type"] == "component_broke"


async def test_whole_context_over_its_time_is_a_retryable_error():
    store = MemoryStore()
    slow = component("slow", lambda context, tools: asyncio.sleep(60), set())
    await runner(store, {"a": writing(one=1), "b": slow}, limits=Limits(5, 0.05)).run(job(["a", "b"]))
    assert store.moves == [Move.CHECKPOINT, Move.RETRY_LATER]
    assert store.last["error"]["component"] == "b"


async def test_parallel_steps_run_beside_each_other_and_each_is_checkpointed():
    store = MemoryStore()
    barrier = asyncio.Barrier(2)

    async def meet(key: str) -> dict[str, Any]:
        async with asyncio.timeout(2), barrier:
            return {key: True}

    parts = {"a": component("a", lambda c, t: meet("a"), {"a"}), "b": component("b", lambda c, t: meet("b"), {"b"})}
    await runner(store, parts).run(job([["a", "b"]]))
    assert store.moves == [Move.CHECKPOINT, Move.COMPLETE]
    assert store.last["data"] == {"title": "T", "a": True, "b": True}


async def test_parallel_neighbour_of_a_failure_is_kept():
    store = MemoryStore()
    await runner(store, {"a": failing(TransientError("busy")), "b": writing(two=2)}).run(job([["a", "b"]]))
    assert store.moves == [Move.CHECKPOINT, Move.RETRY_LATER]
    assert store.writes[0].values["processing"]["completed_components"] == ["b"]


async def test_step_whose_when_does_not_hold_is_skipped():
    store = MemoryStore()
    steps = [{"component": "a", "when": "data.wanted"}, "b"]
    await runner(store, {"a": failing(AssertionError()), "b": writing(two=2)}).run(job(steps))
    assert store.moves == [Move.CHECKPOINT, Move.COMPLETE]
    assert [run["outcome"] for run in store.last["step_runs"]] == ["skipped", "completed"]


async def test_on_error_skip_goes_on_and_keeps_the_error_in_the_history():
    store = MemoryStore()
    steps = [{"component": "a", "on_error": "skip"}, "b"]
    await runner(store, {"a": failing(PermanentError("no")), "b": writing(two=2)}).run(job(steps))
    assert store.moves == [Move.CHECKPOINT, Move.COMPLETE]
    assert store.last["step_runs"][0]["error"]["message"] == "no"


async def test_on_error_skip_still_retries_what_may_heal():
    store = MemoryStore()
    steps = [{"component": "a", "on_error": "skip"}]
    await runner(store, {"a": failing(TransientError("busy"))}).run(job(steps))
    assert store.moves == [Move.RETRY_LATER]


async def test_history_keeps_what_a_step_overwrote():
    store = MemoryStore()
    await runner(store, {"a": writing(title="new", other=1)}).run(job(["a"]))
    run = store.last["step_runs"][0]
    assert run["wrote"] == ["other", "title"]
    assert run["replaced"] == {"title": "T"}


@pytest.mark.parametrize(
    ("result", "type"),
    [
        ("text", "bad_result"),
        ({"stranger": 1}, "bad_result"),
        ({"one": float("nan")}, "bad_result"),
        ({"one": object()}, "bad_result"),
        ({"one": "x" * (4 * 1024 * 1024)}, "result_too_large"),
    ],
)
async def test_answer_that_cannot_be_stored_fails_the_context(result: Any, type: str):
    store = MemoryStore()
    await runner(store, {"a": component("a", lambda context, tools: result, {"one"})}).run(job(["a"]))
    assert store.moves == [Move.FAIL]
    assert store.last["error"]["type"] == type


async def test_idempotency_key_is_the_same_for_every_try_and_another_for_other_input():
    keys: list[str] = []
    run = runner(MemoryStore(), {"a": writing(one=1)}, keys=keys)
    await run.run(job(["a"]))
    await run.run(job(["a"], lease=Lease("wrk_2", 2)))
    await run.run(job(["a"], data={"title": "Other"}))
    assert keys[0] == keys[1] != keys[2]


async def test_transcript_is_written_with_the_checkpoint():
    def noting(context: ContextView, tools: Tools) -> dict[str, Any]:
        tools.notes.prompt, tools.notes.output, tools.notes.model = "Write", "Text", "gpt-4"
        return {"one": 1}

    store = MemoryStore()
    await runner(store, {"a": component("a", noting, {"one"})}).run(job(["a"]))
    (transcript,) = store.writes[0].transcripts
    assert (transcript.id, transcript.prompt, transcript.output) == ("ctx_1:1:a", "Write", "Text")
    assert store.last["step_runs"][0]["model"] == "gpt-4"


async def test_template_is_written_once_with_the_checkpoint_of_its_choice():
    def choosing(context: ContextView, tools: Tools) -> dict[str, Any]:
        tools.notes.template_id = "tmpl_a"
        return {"one": 1}

    components = {"a": component("a", choosing, {"one"}), "b": writing(two=2)}
    store = MemoryStore()
    await runner(store, components).run(job(["a", "b"]))
    assert [write.values.get("template_id") for write in store.writes] == ["tmpl_a", None]
    again = MemoryStore()
    await runner(again, components).run(job(["a"], step_runs=store.last["step_runs"]))
    assert "template_id" not in again.last, "the row has it"


@pytest.mark.parametrize("noted", ["", "x" * 65, 7])
async def test_template_that_cannot_be_one_is_not_written(noted: Any):
    def choosing(context: ContextView, tools: Tools) -> dict[str, Any]:
        tools.notes.template_id = noted
        return {"one": 1}

    store = MemoryStore()
    await runner(store, {"a": component("a", choosing, {"one"})}).run(job(["a"]))
    assert "template_id" not in store.last


async def test_lease_lost_beside_a_parallel_neighbour_ends_silently():
    store = MemoryStore(lost_after=0)
    waiting = component("waiting", lambda context, tools: asyncio.sleep(60), set())
    await runner(store, {"a": writing(one=1), "b": waiting}).run(job([["a", "b"]]))
    assert store.writes == []


async def test_time_that_runs_out_while_the_end_is_written_harms_nobody():
    class SlowStore(MemoryStore):
        async def commit(self, write: Write) -> None:
            await super().commit(write)
            await asyncio.sleep(0.05 if len(self.writes) == 1 else 0)

    store = SlowStore()
    await runner(store, {"a": writing(one=1)}, limits=Limits(5, 0.01)).run(job(["a"]))
    assert set(store.moves) == {Move.COMPLETE}


async def test_parallel_steps_see_the_same_input_and_keep_their_keys_however_they_overlap():
    keys: list[str] = []
    seen: list[dict[str, Any]] = []

    def look(context: ContextView, tools: Tools) -> dict[str, Any]:
        seen.append(dict(context.data))
        raise TransientError("busy")

    parts = {"a": writing(one=1, title="new"), "b": component("b", look, {"b"})}
    store = MemoryStore()
    await runner(store, parts, keys=keys).run(job([["a", "b"]]))
    checkpoint, failure = store.writes
    again = {**checkpoint.values, "step_runs": failure.values["step_runs"]}
    changes = {name: again[name] for name in ("data", "processing", "step_runs")}
    await runner(store, parts, keys=keys).run(job([["a", "b"]], lease=Lease("wrk_2", 2), **changes))
    assert seen == [{"title": "T"}, {"title": "T"}]
    assert keys[1] == keys[2], "the key of b does not depend on whether a was done before"


@pytest.mark.parametrize("value", [float("nan"), object(), "30", Exception("unprintable")])
async def test_component_that_notes_nonsense_fails_its_context_alone(value: Any):
    def note(context: ContextView, tools: Tools) -> dict[str, Any]:
        tools.notes.cost_usd = value
        tools.notes.model = value
        return {}

    store = MemoryStore()
    await runner(store, {"a": component("a", note, set())}).run(job(["a"]))
    json.dumps(store.last["step_runs"], allow_nan=False)
    assert store.moves == [Move.COMPLETE]


@pytest.mark.parametrize(
    "error",
    [
        PermanentError(ValueError("an object")),  # type: ignore[arg-type]
        TransientError("busy", retry_after=float("nan")),
        TransientError("busy", retry_after="soon"),  # type: ignore[arg-type]
        PermanentError("x" * 20_000_000),
        ValueError("x" * 20_000_000),
        PermanentError("NUL \x00 and a lone surrogate \ud800"),
    ],
    ids=lambda error: f"{type(error).__name__}",
)
async def test_error_that_cannot_be_stored_as_it_is_still_fails_its_context_alone(error: Exception):
    store = MemoryStore()
    await runner(store, {"a": failing(error)}).run(job(["a"]))
    assert store.moves in ([Move.FAIL], [Move.RETRY_LATER])
    text = json.dumps([store.last["error"], store.last["step_runs"]], ensure_ascii=False, allow_nan=False)
    assert len(text.encode()) < 200_000
    assert "\\u0000" not in text


async def test_history_of_what_was_overwritten_counts_as_part_of_the_context():
    megabytes = 3 * 1024 * 1024 * "x"
    store = MemoryStore()
    await runner(store, {"a": writing(one=megabytes)}).run(job(["a"] * 50))
    assert store.moves[-1] == Move.FAIL
    assert store.last["error"]["type"] == "result_too_large"
    rows = [write.values for write in store.writes]
    kept = rows[-2]["data"], rows[-1]["step_runs"]
    assert len(json.dumps(kept)) < 12 * 1024 * 1024


async def test_the_history_says_which_secrets_were_set_but_not_what_they_are():
    class Config(ComponentConfig):
        token: str = Field(default="", json_schema_extra=SECRET)
        headers: dict[str, str] = Field(default_factory=dict, json_schema_extra=SECRET)
        limit: int = 5

    store, asked = MemoryStore(), writing(a=1)
    asked.config = Config(token="s3cret", headers={"Authorization": "s3cret"})
    await runner(store, {"writing": asked}).run(job(["writing"]))
    [run] = store.last["step_runs"]
    assert run["config"] == {"token": "••••", "headers": {"Authorization": "••••"}, "limit": 5}
    assert "s3cret" not in json.dumps(store.last, default=str)
