"""Who may do what, on every address that there is: nobody, keys of all kinds, other organizations, people.

The addresses come from Django and the rules from docs/api.md, so a new one is walked too: it needs a row there and,
for a new kind of id, an entry in tests/api/routes.py.
"""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.test import Client
from django.urls import get_resolver
from rest_framework.test import APIClient

from base import clock
from components.models import Pipeline
from contexts.models import Context
from contexts.states import Status
from tests.api.calls import MINIMAL, client_of, paths_of, post, problem_of
from tests.api.routes import MAKERS, Route, documented, found, patterns
from tests.contexts.rows import make_context
from users.access import Role, Scope, role_scopes
from users.models import ApiKey, Organization, User
from users.services import apikey_create, apikey_revoke

ROUTES = documented()
GUARDED = [route for route in ROUTES if not route.is_open]
WITH_IDS = [route for route in GUARDED if route.has_ids]
SCOPES = [scope.value for scope in Scope]
STAFF = [Role.ADMINISTRATOR, Role.EDITOR, Role.OPERATOR, Role.AUDITOR]


def walk(routes: list[Route]) -> Any:
    return pytest.mark.parametrize("route", routes, ids=str)


def assert_passes(answer: Any, route: Route) -> None:
    assert answer.status_code not in (401, 403, 404, 405), (str(route), answer.content)
    assert answer.status_code < 500, (str(route), answer.content)


def test_every_address_has_a_rule_and_every_rule_an_address():
    assert {(route.method, route.path) for route in ROUTES} == found()
    assert {route.scope for route in ROUTES} <= {*SCOPES, "any key", "nobody asks"}


# --- keys -----------------------------------------------------------------------------------------------------
def ended_key(kind: str, organization: Organization) -> str:
    """Make a key that opens nothing, and return its secret."""
    key, secret = apikey_create(name=kind, organization=organization, scopes=SCOPES)
    if kind == "expired":
        ApiKey.objects.filter(pk=key.pk).update(expires_at=clock.now() - timedelta(seconds=1))
    elif kind == "revoked":
        apikey_revoke(key)
    elif kind == "of an inactive organization":
        Organization.objects.filter(pk=organization.pk).update(is_active=False)
    return "dl_unknown" if kind == "unknown" else secret


@walk(GUARDED)
def test_nobody_comes_in(client, organization, route):
    answer = route.call(client, route.ids_of(organization))
    assert problem_of(answer, 401)["type"] == "/problems/not-authenticated"
    assert answer["WWW-Authenticate"]


@pytest.mark.parametrize("kind", ["unknown", "expired", "revoked", "of an inactive organization"])
@walk(GUARDED)
def test_a_key_that_has_ended_opens_nothing(organization, route, kind):
    ids = route.ids_of(organization)
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {ended_key(kind, organization)}")
    assert problem_of(route.call(client, ids), 401)["type"] == "/problems/authentication-failed"


@walk(GUARDED)
def test_a_key_with_one_scope_comes_in_where_that_one_is_asked_for(organization, route):
    ids = route.ids_of(organization)
    for scope in SCOPES:
        answer = route.call(client_of(organization, scope), ids)
        if route.needs(scope):
            assert_passes(answer, route)
        else:
            assert route.scope in problem_of(answer, 403)["detail"]


@walk([route for route in GUARDED if not route.needs("")])
def test_a_key_with_all_scopes_but_one_does_not_come_in(organization, route):
    others = [scope for scope in SCOPES if scope != route.scope]
    problem_of(route.call(client_of(organization, *others), route.ids_of(organization)), 403)


@walk([route for route in ROUTES if route.is_open])
def test_what_nobody_needs_a_key_for_is_open(client, db, route):
    assert route.call(client, []).status_code == 200


# --- organizations --------------------------------------------------------------------------------------------
def rows_of(organization: Organization) -> str:
    """Return all that is stored of an organization but its keys, which note when they were used."""
    models = [model for model in apps.get_models() if model is not ApiKey and _names_organizations(model)]
    return "".join(
        serializers.serialize("json", model._default_manager.filter(organization=organization)) for model in models
    )


def _names_organizations(model: Any) -> bool:
    return any(field.name == "organization" for field in model._meta.fields)


def missing(ids: list[str]) -> list[str]:
    """Return ids of the same kind that nothing has."""
    return [text[:-1] + ("0" if text[-1] != "0" else "1") for text in ids]


@walk(WITH_IDS)
def test_another_organizations_id_is_not_found_just_like_one_that_there_is_not(api, other_organization, route):
    theirs = route.ids_of(other_organization)
    before = rows_of(other_organization)
    answers = {route.at(ids): route.call(api, ids) for ids in (theirs, missing(theirs))}
    told = [_without_ids(problem_of(answer, 404), path) for path, answer in answers.items()]
    assert told[0] == told[1]
    assert rows_of(other_organization) == before


def _without_ids(document: dict[str, Any], path: str) -> str:
    text = json.dumps(document)
    for part in path.split("/"):
        text = text.replace(part, "x") if "_" in part else text
    return text


@walk([route for route in WITH_IDS if route.path.count("{") > 1])
def test_another_organizations_row_is_not_found_below_ones_own(api, organization, other_organization, route):
    mixed = [*route.ids_of(organization)[:1], *route.ids_of(other_organization)[1:]]
    problem_of(route.call(api, mixed), 404)


@walk([route for route in GUARDED if route.method == "GET" and not route.has_ids])
def test_a_list_says_nothing_of_another_organization(api, organization, other_organization, route):
    kinds = MAKERS.keys() & {listed.path.removeprefix("/api/") for listed in ROUTES}
    theirs = [MAKERS[kind](other_organization, []) for kind in kinds]
    mine = {kind: MAKERS[kind](organization, []) for kind in kinds}
    answer = route.call(api, [])
    assert [text for text in [*theirs, other_organization.pk] if text in answer.content.decode()] == []
    kind = route.path.removeprefix("/api/")
    assert kind not in mine or mine[kind] in answer.content.decode()


@pytest.mark.parametrize("query", ["batch_id", "q"])
def test_a_filter_finds_nothing_of_another_organization(api, other_organization, query):
    batch_id = MAKERS["batches"](other_organization, [])
    theirs = make_context(other_organization, batch_id=batch_id)
    value = {"batch_id": batch_id, "q": theirs.pk}[query]
    assert api.get(f"/api/contexts?{query}={value}").json()["results"] == []


def test_a_cursor_of_another_organizations_list_leads_to_ones_own_rows(api, organization, other_organization):
    mine = make_context(organization)
    for _ in range(2):
        make_context(other_organization)
    following = client_of(other_organization).get("/api/contexts?limit=1").json()["next"]
    assert [row["id"] for row in api.get(following).json()["results"]] == [mine.pk]


def test_another_organizations_pipeline_is_as_unknown_as_one_that_there_is_not(api, other_organization):
    theirs = Pipeline.objects.create(name="Theirs", steps=["template"], organization=other_organization)
    answers = [
        post(api, "/api/contexts", {**MINIMAL, "pipeline": name}) for name in (theirs.pk, missing([theirs.pk])[0])
    ]
    assert [paths_of(answer) for answer in answers] == [["/pipeline"], ["/pipeline"]]
    assert answers[0].content.replace(theirs.pk.encode(), b"") == answers[1].content.replace(
        missing([theirs.pk])[0].encode(), b""
    )


# --- people ---------------------------------------------------------------------------------------------------
def session(role: Role, organization: Organization | None, **options: Any) -> Client:
    client = Client(raise_request_exception=False, **options)
    name = f"{role}-{User.objects.count()}"
    client.force_login(User.objects.create_user(name, "x", role=role, organization=organization))
    return client


@pytest.mark.parametrize("role", STAFF)
@walk(GUARDED)
def test_a_persons_role_says_where_they_come_in(organization, route, role):
    answer = route.call(session(role, organization), route.ids_of(organization))
    if route.scope == "any key" or route.scope in role_scopes(role):
        assert_passes(answer, route)
    else:
        problem_of(answer, 403)


@walk(GUARDED)
def test_a_person_who_is_no_staff_is_nobody(organization, route):
    ids = route.ids_of(organization)
    problem_of(route.call(session(Role.CLIENT, organization), ids), 401)
    inactive = session(Role.ADMINISTRATOR, organization)
    User.objects.update(is_active=False)
    problem_of(route.call(inactive, ids), 401)


@walk(GUARDED)
def test_a_person_of_an_inactive_organization_is_nobody(organization, route):
    ids = route.ids_of(organization)
    client = session(Role.ADMINISTRATOR, organization)
    Organization.objects.update(is_active=False)
    assert route.call(client, ids).status_code in (401, 403)


@walk(WITH_IDS)
def test_a_persons_organization_is_the_limit_of_the_session(organization, other_organization, route):
    before_ids = route.ids_of(other_organization)
    before = rows_of(other_organization)
    problem_of(route.call(session(Role.ADMINISTRATOR, organization), before_ids), 404)
    assert rows_of(other_organization) == before


@walk([route for route in GUARDED if route.method != "GET"])
def test_a_session_changes_nothing_without_the_csrf_token(organization, route):
    ids = route.ids_of(organization)
    client = session(Role.ADMINISTRATOR, organization, enforce_csrf_checks=True)
    assert "CSRF" in problem_of(route.call(client, ids), 403)["detail"]
    client.get("/admin/")
    token = client.cookies["csrftoken"].value
    assert_passes(route.call(client, ids, **{"X-CSRFToken": token}), route)


def test_what_a_person_submits_belongs_to_their_organization(organization):
    client = session(Role.OPERATOR, organization)
    made = client.post("/api/contexts", MINIMAL, content_type="application/json").json()
    assert made["organization_id"] == organization.pk
    assert Context.objects.get(pk=made["id"]).user_id == User.objects.get().pk


def test_a_context_is_moved_by_its_own_organization_only(api, organization, other_organization):
    """The walk would not notice if everybody were refused."""
    mine, theirs = (make_context(owner, Status.PENDING) for owner in (organization, other_organization))
    assert [post(api, f"/api/contexts/{row.pk}/cancel").status_code for row in (mine, theirs)] == [202, 404]
    theirs.refresh_from_db()
    assert theirs.status == Status.PENDING


# --- outside of the API ---------------------------------------------------------------------------------------
def admin_pages() -> list[str]:
    paths = {path for path, _ in patterns(get_resolver().url_patterns) if path.startswith("/admin/")}
    readable = {re.sub(r"\{\w+\}", "x", path) for path in paths if not re.search(r"[\\^$(]", path)}
    return sorted(readable - {"/admin/login/", "/admin/logout/", "/admin/jsi18n/"})


@pytest.mark.parametrize("path", admin_pages())
def test_no_page_of_the_admin_lets_in_whoever_is_no_staff(client, organization, path):
    for who in (client, session(Role.CLIENT, organization)):
        answer = who.get(path)
        assert answer.status_code == 302, path
        assert answer["Location"].startswith("/admin/login/"), path
