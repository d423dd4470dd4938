"""The context document at each stage of its life."""

from datetime import timedelta

from base import clock
from contexts.document import context_document, processing_document
from contexts.states import Status
from tests.contexts.rows import MOMENT, STEPS, make_context, ran_context

START = MOMENT.replace(minute=31)


def test_before_the_first_pick_up_there_is_no_processing(organization):
    document = context_document(make_context(organization))
    assert "processing" not in document
    assert "pipeline_id" not in document


def test_before_the_first_checkpoint_the_first_component_is_current(organization):
    context = make_context(organization, Status.PROCESSING, started_at=START)
    assert processing_document(context) == {
        "completed_components": [],
        "current_component": "template",
        "start_time": "2023-05-15T10:31:00Z",
    }


def test_the_first_step_of_a_parallel_group_is_current(organization):
    context = make_context(
        organization, Status.PROCESSING, started_at=START, pipeline=[["ai_generator", "template"], "transformer"]
    )
    assert processing_document(context)["current_component"] == "ai_generator"


def test_an_end_has_a_time_and_a_duration_that_fit(organization):
    context = ran_context(organization, Status.COMPLETED, list(STEPS), ended_at=START + timedelta(milliseconds=125_250))
    document = context_document(context)["processing"]
    assert document["end_time"] == "2023-05-15T10:33:05.250Z"
    assert document["duration_ms"] == 125_250
    assert "current_component" not in document


def test_a_cancellation_before_the_first_pick_up_has_no_processing(organization):
    context = make_context(organization, Status.CANCELLED, ended_at=clock.now())
    assert "processing" not in context_document(context)


def test_secrets_of_a_pipeline_in_a_group_are_left_out(organization):
    step = {"component": "http", "config": {"url": "https://example.org", "timeout_seconds": 3}, "on_error": "skip"}
    context = make_context(organization, pipeline=[["template", step]], pipeline_id="pipe_x")
    public = {"component": "http", "config": {"timeout_seconds": 3}, "on_error": "skip"}
    assert context_document(context)["pipeline"] == [["template", public]]
    assert context.pipeline == [["template", step]]
