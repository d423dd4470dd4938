"""What people did to a context stands in its log: who, what, why."""

from typing import Any

import pytest

from base.problems import InvalidInput
from contexts.acts import MAX_WHY, Act, is_part_of, why_read
from contexts.batches import batch_cancel, batch_submit
from contexts.models import Context
from contexts.services import context_cancel, context_retry
from contexts.states import Status
from contexts.submission import Submitter
from tests.contexts.rows import make_context, ran_context

pytestmark = pytest.mark.django_db
ACT = Act("user_1", "Ada", "retried from the start", "the key was wrong", "bulk_1")


def acts_of(context: Context) -> list[Act | None]:
    context.refresh_from_db()
    return [Act.of(entry) for entry in context.moves]


def test_a_retry_says_who_wished_for_it_and_why(organization):
    context = ran_context(organization, Status.FAILED, ["template"])
    context_retry(context.pk, organization_id=None, from_step="start", act=ACT)
    assert acts_of(context) == [ACT]


def test_a_cancel_says_it_and_what_is_not_known_is_left_out(organization):
    context = make_context(organization)
    context_cancel(context.pk, organization_id=None, act=Act("user_1", "Ada"))
    assert acts_of(context) == [Act("user_1", "Ada")]
    assert context.moves[0]["act"] == {"by": "user_1", "name": "Ada"}


def test_every_context_of_a_batch_says_it(organization):
    items = [{"type": "article", "pipeline": ["template"]}] * 2
    batch, _ = batch_submit(items, submitter=Submitter(organization.pk))
    batch_cancel(batch.pk, organization_id=None, act=ACT)
    assert [acts_of(context) for context in Context.objects.filter(batch_id=batch.pk)] == [[None, ACT]] * 2


def test_the_api_notes_the_key(api, organization):
    context = ran_context(organization, Status.FAILED, ["template"])
    assert api.post(f"/api/contexts/{context.pk}/retry", {"from": "start"}, format="json").status_code == 202
    assert api.post(f"/api/contexts/{context.pk}/cancel").status_code == 202
    retried, cancelled = acts_of(context)
    assert retried is not None
    assert (retried.name, retried.did) == ("tests", "retried from start, by the API")
    assert cancelled is not None
    assert cancelled.by.startswith("key_")


def test_nobody_is_named_to_clients(api, organization):
    context = make_context(organization)
    context_cancel(context.pk, organization_id=None, act=ACT)
    for page in ("", "/events", "/steps"):
        answer = api.get(f"/api/contexts/{context.pk}{page}")
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert b"Ada" not in content, page


def test_a_log_tells_whether_an_operation_has_been_there():
    log: list[dict[str, Any]] = [{"status": "pending"}, {"status": "retrying", "act": ACT.document()}]
    assert is_part_of(log, "bulk_1")
    assert not is_part_of(log, "bulk_2")


def test_a_reason_is_one_line_of_text():
    assert why_read("  the key\r\n was wrong ") == "the key was wrong"
    assert why_read("") == ""


@pytest.mark.parametrize(
    ("text", "required"), [(" \n", True), ("x" * (MAX_WHY + 1), False), ("nul \x00", False), ("half \ud800", False)]
)
def test_a_reason_that_will_not_do_is_refused(text, required):
    with pytest.raises(InvalidInput) as caught:
        why_read(text, is_required=required)
    assert caught.value.errors[0].path == "/why"
