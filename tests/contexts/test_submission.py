"""What a client may post, and where it stands in the order of claims."""

from datetime import UTC, datetime

import pytest

from base.problems import InvalidInput, TooLarge
from base.validation import read_model
from components.models import Pipeline
from contexts.models import Context
from contexts.submission import (
    ContextSubmission,
    PipelineReader,
    Submitter,
    check_sizes,
    context_row,
)
from tests.contexts.rows import STEPS

MOMENT = datetime(2023, 5, 15, 10, 30, tzinfo=UTC)


def row(**body) -> Context:
    return context_row(
        read_model(ContextSubmission, {"type": "article", **body}),
        submitter=Submitter("org_test"),
        pipelines=PipelineReader("org_test"),
        context_id="ctx_1",
        moment=MOMENT,
    )


def make_pipeline(name="pipe_a", **fields):
    values = {"name": name, "steps": list(STEPS), "context_type": "article"} | fields
    return Pipeline.objects.create(id=name, **values)


def test_a_named_pipelines_steps_are_copied(organization):
    pipeline = make_pipeline()
    made = row(pipeline="pipe_a")
    pipeline.steps = ["template"]
    pipeline.save()
    assert (made.pipeline, made.pipeline_id) == (STEPS, "pipe_a")


def test_without_a_pipeline_the_types_default_is_taken(organization):
    make_pipeline(is_default=True)
    assert row().pipeline_id == "pipe_a"
    assert row(pipeline=None).pipeline_id == "pipe_a"


def test_steps_of_ones_own_have_no_pipelines_id(organization):
    assert row(pipeline=["template"]).pipeline_id == ""


@pytest.mark.parametrize("fields", [{"is_active": False}, {"organization_id": "org_other"}])
def test_a_pipeline_that_is_not_ones_own_is_not_there(organization, other_pipeline_owner, fields):
    make_pipeline(**fields)
    with pytest.raises(InvalidInput, match="pipe_a") as caught:
        row(pipeline="pipe_a")
    assert [fault.path for fault in caught.value.errors] == ["/pipeline"]


@pytest.fixture
def other_pipeline_owner(organization):
    return type(organization).objects.create(id="org_other", name="Other")


def test_a_pipeline_is_read_once_for_many_contexts(organization, django_assert_num_queries):
    make_pipeline()
    reader = PipelineReader("org_test")
    submission = read_model(ContextSubmission, {"type": "article", "pipeline": "pipe_a"})
    with django_assert_num_queries(1):
        assert all(reader.read(submission) == (STEPS, "pipe_a") for _ in range(100))


def test_one_context_cannot_change_the_steps_of_another(organization):
    reader = PipelineReader("org_test")
    submission = read_model(ContextSubmission, {"type": "article", "pipeline": ["template"]})
    other = read_model(ContextSubmission, {"type": "article", "pipeline": "['template']"})
    assert reader.read(submission)[0] == ["template"]
    with pytest.raises(InvalidInput):
        reader.read(other)


@pytest.mark.parametrize(
    ("data", "fits"), [({"t": "x" * (2**20 - 8)}, True), ({"t": "x" * (2**20 - 7)}, False), ({"t": "é" * 2**19}, False)]
)
def test_data_is_measured_as_compact_utf8(data, fits):
    submission = read_model(ContextSubmission, {"type": "article", "data": data})
    if fits:
        check_sizes(submission)
    else:
        with pytest.raises(TooLarge) as caught:
            check_sizes(submission, "/contexts/3")
        assert [fault.path for fault in caught.value.errors] == ["/contexts/3/data"]
