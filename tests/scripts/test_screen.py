"""What the demo shows of a context, in a terminal and in a pipe."""

import io
from typing import Any

from rich.console import Console

from config.demo.screen import Screen, StepLine, step_lines
from contexts.samples import demo_context

CONTENT = "# Example Article\n\n## Introduction\n\nHello [reader]."


def context(**changes: Any) -> dict[str, Any]:
    extra = {"id": "ctx_1", "revision": 1, "error": None, "waiting_for": None}
    return {**demo_context(), **extra, **changes}


def processing(*done: str) -> dict[str, Any]:
    return {"completed_components": list(done), "component_timings": dict.fromkeys(done, 12), "duration_ms": 40}


def screen(is_terminal: bool) -> tuple[Screen, io.StringIO]:
    written = io.StringIO()
    return Screen(Console(file=written, force_terminal=is_terminal, width=100, highlight=False)), written


def finished() -> dict[str, Any]:
    formatted = {"format": "markdown", "word_count": 4, "reading_time": "1 minute", "content": CONTENT}
    data = {**demo_context()["data"], "formatted_content": formatted, "model_used": "offline"}
    return context(
        status="completed", revision=5, data=data, processing=processing("template", "ai_generator", "transformer")
    )


def test_pending_context_waits_at_every_step():
    assert {line.state for line in step_lines(context())} == {"waiting"}


def test_step_after_the_last_checkpoint_is_the_running_one():
    lines = step_lines(context(status="processing", processing=processing("template")))
    assert lines == [
        StepLine("template", "done", "12 ms"),
        StepLine("ai_generator", "running", ""),
        StepLine("transformer", "waiting", ""),
    ]


def test_failed_step_is_shown_as_failed():
    error = {"component": "ai_generator", "message": "no"}
    lines = step_lines(context(status="failed", error=error, processing=processing("template")))
    assert [line.state for line in lines] == ["done", "failed", "waiting"]


def test_pipe_gets_each_line_once():
    shown, written = screen(is_terminal=False)
    states = [context(), context(status="processing", processing=processing("template")), finished(), finished()]
    assert shown.show(states)["status"] == "completed"
    lines = [line.strip() for line in written.getvalue().splitlines()]
    assert lines.count("template       done 12 ms") == 1
    assert lines.count("ctx_1 completed") == 1
    assert "\x1b" not in written.getvalue()


def test_terminal_gets_a_table():
    shown, written = screen(is_terminal=True)
    shown.show([context(status="processing", processing=processing("template"))])
    assert "ai_generator" in written.getvalue()
    assert "running" in written.getvalue()


def test_article_and_its_model_are_printed_whole():
    for is_terminal in (True, False):
        shown, written = screen(is_terminal)
        shown.show_end(finished())
        assert "Hello [reader]." in written.getvalue()
        assert "written by offline in 40 ms" in written.getvalue()


def test_reason_of_a_failure_is_printed():
    shown, written = screen(is_terminal=False)
    shown.show_end(context(status="failed", error={"component": "ai_generator", "message": "The model refused."}))
    assert "failed: ai_generator The model refused." in written.getvalue()
