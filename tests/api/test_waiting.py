"""``?wait=`` where no server awaits answers: the view waits by itself."""

from contexts.states import Status
from tests.api.calls import MINIMAL, post, problem_of
from tests.contexts.rows import make_context


def test_ended_context_is_answered_at_once(api, organization):
    context = make_context(organization, Status.CANCELLED)
    assert api.get(f"/api/contexts/{context.pk}?wait=60").json()["status"] == "cancelled"


def test_patience_that_is_over_gets_the_present_state(api):
    answer = post(api, "/api/contexts?wait=0.1", MINIMAL)
    assert (answer.status_code, answer.json()["status"]) == (201, "pending")
    assert answer["Location"] == f"/api/contexts/{answer.json()['id']}"


def test_refused_wait_stores_nothing(api):
    problem_of(post(api, "/api/contexts?wait=61", MINIMAL), 400)
    assert api.get("/api/contexts").json()["results"] == []


def test_head_does_not_wait(api, organization):
    context = make_context(organization)
    assert api.head(f"/api/contexts/{context.pk}?wait=60").status_code == 200
