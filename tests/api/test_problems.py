"""Whatever goes wrong, the answer is a problem."""

import pytest
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import OperationalError
from django.test import Client
from rest_framework.test import APIClient
from rest_framework.views import APIView

from base.problems import NotFound
from contexts.api import contexts
from tests.api.calls import MINIMAL, client_of, post, problem_of
from users.models import ApiKey

UNKNOWN = [
    "/nothing",
    "/api",
    "/api/",
    "/api/nothing",
    "/api/contexts/",
    "/api/contexts/a/b/c",
    "/media/x",
    "/static/x",
    "/%00",
]


@pytest.mark.parametrize("path", UNKNOWN)
def test_an_unknown_path_is_a_problem(api, path):
    problem_of(api.get(path), 404)


def test_an_unknown_path_is_a_problem_without_a_key_too(client):
    problem = problem_of(client.get("/api/nothing"), 404)
    assert problem["title"] == NotFound.title, "a type has one title"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("put", "/api/contexts", "GET, POST, HEAD, OPTIONS"),
        ("delete", "/api/contexts/ctx_x", "GET, HEAD, OPTIONS"),
        ("get", "/api/contexts/bulk", "POST, OPTIONS"),
        ("get", "/api/contexts/ctx_x/retry", "POST, OPTIONS"),
        ("post", "/healthz", "GET, HEAD"),
        ("delete", "/readyz", "GET, HEAD"),
        ("post", "/api/schema", "GET, HEAD, OPTIONS"),
        ("post", "/api/docs", "GET, HEAD"),
        ("options", "/api/docs", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_a_problem_that_names_the_right_ones(api, method, path, allowed):
    answer = getattr(api, method)(path)
    problem_of(answer, 405)
    assert answer["Allow"] == allowed


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png;q=1", "x/y"])
def test_a_format_that_there_is_not_is_a_problem(api, accept):
    problem = problem_of(api.get("/api/contexts", headers={"Accept": accept}), 406)
    assert "as application/json;" in problem["detail"]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/*", "text/html, */*;q=0.1"])
def test_json_is_answered_where_it_is_accepted(api, accept):
    assert api.get("/api/contexts", headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize("accept", ["", ";;;", "a", "/", ",,,", "application/json;q=x", "\x7f/\x7f", "a/b" * 1000])
def test_a_strange_accept_is_no_error_of_ours(api, accept):
    assert api.get("/api/contexts", headers={"Accept": accept}).status_code in (200, 406)
    assert api.get("/api/contexts/ctx_x/content", headers={"Accept": accept}).status_code == 404


def test_a_parameter_named_format_is_unknown_like_any_other(api):
    problem_of(api.get("/api/contexts?format=xml"), 400)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer dl_wrong",
        "Basic YTpi",
        "bearer dl_ü",
        "dl_x",
        "Bearer dl_" + "x" * 9000,
    ],
)
def test_without_a_good_key_the_answer_says_how_to_send_one(organization, header):
    client = APIClient(raise_request_exception=False)
    if header is not None:
        client.credentials(HTTP_AUTHORIZATION=header)
    answer = post(client, "/api/contexts", MINIMAL)
    problem_of(answer, 401)
    assert answer["WWW-Authenticate"] == 'Bearer realm="draftline"'


def test_a_revoked_key_is_refused(api):
    key = ApiKey.objects.get()
    key.revoked_at = key.created_at
    key.save()
    problem_of(api.get("/api/contexts"), 401)


def test_a_missing_scope_is_named(organization):
    client = client_of(organization, "contexts:read")
    assert "contexts:write" in problem_of(post(client, "/api/contexts", MINIMAL), 403)["detail"]


def test_a_session_needs_the_csrf_token(administrator):
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(administrator)
    assert client.get("/api/contexts").status_code == 200
    answer = client.post("/api/contexts", MINIMAL, content_type="application/json")
    assert "CSRF" in problem_of(answer, 403)["detail"]


@pytest.mark.parametrize(("path", "status"), [("/", 403), ("/healthz", 405), ("/readyz", 405), ("/nothing", 404)])
def test_a_post_without_the_csrf_token_is_a_problem_outside_of_the_api_too(path, status):
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    problem_of(client.post(path), status)


def test_the_admin_tells_people_of_a_missing_csrf_token_with_a_page():
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    answer = client.post("/admin/login/")
    assert (answer.status_code, answer["Content-Type"]) == (403, "text/html; charset=utf-8")


@pytest.mark.parametrize("host", ["evil.example", "a b", "", "localhost:99999x"])
@pytest.mark.parametrize("path", ["/api/contexts", "/healthz", "/nothing"])
def test_a_strange_host_is_refused(client, host, path):
    problem_of(client.get(path, headers={"Host": host}), 400)


@pytest.mark.parametrize("error", [RuntimeError("secret"), ValueError("secret"), RecursionError()])
def test_what_nobody_foresaw_is_a_problem_that_tells_no_secret(api, monkeypatch, error):
    def broken(self: APIView, request: object) -> None:
        raise error

    monkeypatch.setattr(contexts.ContextsView, "get", broken)
    answer = api.get("/api/contexts")
    problem_of(answer, 500)
    assert b"secret" not in answer.content


def test_a_database_that_is_away_is_not_our_fault_and_says_when_to_ask_again(api, monkeypatch):
    def away(self: APIView, request: object) -> None:
        raise OperationalError("secret")

    monkeypatch.setattr(contexts.ContextsView, "get", away)
    answer = api.get("/api/contexts")
    problem_of(answer, 503)
    assert answer["Retry-After"] == "5"
    assert b"secret" not in answer.content


def test_a_database_that_is_away_before_the_view_is_told_the_same_way(monkeypatch):
    def away(request: object) -> None:
        raise OperationalError("secret")

    monkeypatch.setattr(SessionMiddleware, "process_request", lambda self, request: away(request))
    answer = Client(raise_request_exception=False).get("/api/nothing")
    problem_of(answer, 503)
    assert answer["Retry-After"] == "5"


def test_the_admin_answers_people_with_pages(client):
    answer = client.get("/admin/nothing/")
    assert answer.status_code in (302, 404)
    assert answer.get("Content-Type", "text/html").startswith("text/html")


def test_head_is_answered_like_get(api):
    assert api.head("/api/contexts").status_code == 200
    problem_or_nothing = api.head("/api/contexts/ctx_x")
    assert problem_or_nothing.status_code == 404
