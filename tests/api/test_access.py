"""Who may do what: organizations do not see each other, keys do what their scopes say."""

import pytest

from contexts.models import Context
from contexts.states import Status
from tests.api.calls import MINIMAL, client_of, post, problem_of
from tests.contexts.rows import make_context, ran_context
from users.access import Role
from users.models import User

# method, path, the scope that it needs
ROUTES = [
    ("get", "/api/contexts", "contexts:read"),
    ("get", "/api/contexts/{id}", "contexts:read"),
    ("get", "/api/contexts/{id}/steps", "contexts:read"),
    ("get", "/api/contexts/{id}/content", "contexts:read"),
    ("get", "/api/batches", "contexts:read"),
    ("get", "/api/batches/{id}", "contexts:read"),
    ("post", "/api/contexts", "contexts:write"),
    ("post", "/api/contexts/bulk", "contexts:write"),
    ("post", "/api/contexts/{id}/retry", "contexts:write"),
    ("post", "/api/contexts/{id}/cancel", "contexts:write"),
    ("post", "/api/batches/{id}/cancel", "contexts:write"),
    ("post", "/api/batches/{id}/retry-failed", "contexts:write"),
]
SCOPES = ["contexts:read", "contexts:write", "templates:read", "templates:write", "media:read", "media:write"]


@pytest.mark.parametrize(("method", "path", "needed"), ROUTES)
def test_each_route_asks_for_its_scope(organization, method, path, needed):
    for scope in SCOPES:
        answer = getattr(client_of(organization, scope), method)(path.format(id="x"))
        assert (answer.status_code == 403) == (scope != needed), (scope, answer.content)


@pytest.mark.parametrize(("method", "path", "needed"), ROUTES)
def test_no_route_lets_nobody_in(client, db, method, path, needed):
    problem_of(getattr(client, method)(path.format(id="x")), 401)


@pytest.mark.parametrize("path", ["", "/steps", "/content"])
def test_another_organizations_context_is_not_found(api, other_organization, path):
    theirs = ran_context(other_organization, Status.COMPLETED, ["template", "ai_generator", "transformer"])
    problem_of(api.get(f"/api/contexts/{theirs.pk}{path}"), 404)


@pytest.mark.parametrize(("move", "status"), [("retry", Status.FAILED), ("cancel", Status.PENDING)])
def test_another_organizations_context_cannot_be_moved(api, other_organization, move, status):
    theirs = make_context(other_organization, status)
    problem_of(post(api, f"/api/contexts/{theirs.pk}/{move}"), 404)
    theirs.refresh_from_db()
    assert theirs.status == status


def test_a_list_holds_ones_own_only(api, organization, other_organization):
    mine, theirs = make_context(organization), make_context(other_organization)
    assert [row["id"] for row in api.get("/api/contexts").json()["results"]] == [mine.pk]
    assert api.get(f"/api/contexts?q={theirs.pk}").json()["results"] == []


def test_a_persons_organization_is_the_limit_of_the_session(client, organization, other_organization):
    person = User.objects.create_user("ann", "x", role=Role.OPERATOR, organization=organization)
    client.force_login(person)
    theirs = make_context(other_organization)
    assert client.get("/api/contexts").json()["results"] == []
    assert client.get(f"/api/contexts/{theirs.pk}").status_code == 404
    made = client.post("/api/contexts", MINIMAL, content_type="application/json").json()
    assert made["organization_id"] == organization.pk
    assert Context.objects.get(pk=made["id"]).user_id == person.pk


@pytest.mark.parametrize(("role", "status"), [("editor", 403), ("auditor", 403), ("operator", 201), ("client", 401)])
def test_a_persons_role_says_whether_they_submit(client, organization, role, status):
    client.force_login(User.objects.create_user("ann", "x", role=role, organization=organization))
    assert client.post("/api/contexts", MINIMAL, content_type="application/json").status_code == status
