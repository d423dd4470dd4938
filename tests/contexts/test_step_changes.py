"""What each step run did to the data, worked out backwards."""

from contexts.step_changes import Change, changes_of
from tests.contexts.rows import step_run

ACT = {"act": {"by": "user_1"}, "before": {"text": "first"}}


def test_each_run_is_undone_from_the_data_as_it_stands():
    runs = [
        step_run("template", wrote=["template"]),
        step_run("ai_generator", wrote=["title", "text"], replaced={"title": "the client's"}),
    ]
    data = {"title": "the model's", "text": "long", "template": 1}
    assert changes_of(data, runs, ["template", "ai_generator"]) == [
        Change({}, {"template": 1}, {"title": "the client's"}),
        Change(
            {"title": "the client's"},
            {"title": "the model's", "text": "long"},
            {"title": "the client's", "template": 1},
        ),
    ]


def test_of_a_run_that_was_repeated_only_the_last_is_known():
    runs = [
        step_run("template", wrote=["template"]),
        step_run("ai_generator", "failed"),
        step_run("template", wrote=["template"], attempt=2),
        step_run("ai_generator", "failed", attempt=2),
    ]
    assert changes_of({"title": "T", "template": 2}, runs, ["template"]) == [
        None,
        None,
        Change({}, {"template": 2}, {"title": "T"}),
        Change({}, {}, {"title": "T", "template": 2}),
    ]


def test_a_correction_is_undone_to_what_the_step_had_written():
    runs = [
        step_run("ai_generator", wrote=["model_used", "text"], replaced={"text": "sent"}),
        step_run("ai_generator", "corrected", wrote=["model_used", "text"], replaced={"text": "sent"}, correction=ACT),
        step_run("transformer", wrote=["html"]),
    ]
    data = {"text": "second", "model_used": "m", "html": "<p>"}
    changes = [change for change in changes_of(data, runs, ["ai_generator", "transformer"]) if change]
    assert [(change.before, change.after) for change in changes] == [
        ({"text": "sent"}, {"model_used": "m", "text": "first"}),
        ({"model_used": "m", "text": "first"}, {"model_used": "m", "text": "second"}),
        ({}, {"html": "<p>"}),
    ]


def test_a_skipped_step_changed_nothing():
    assert changes_of({"title": "T"}, [step_run("media", "skipped")], ["media"]) == [Change({}, {}, {"title": "T"})]
