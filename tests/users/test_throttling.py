"""Rates of keys, as a client sees them."""

import pytest
from rest_framework.test import APIClient
from rest_framework.views import APIView

from contexts.api import contexts
from tests.api.calls import MINIMAL, post, problem_of
from users.services import apikey_create


def client_with(organization, rate: str, *scopes: str) -> APIClient:
    made = apikey_create(name="limited", organization=organization, scopes=scopes or ["contexts:read"], rate=rate)
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {made[1]}")
    return client


def test_key_over_its_rate_is_told_when_to_come_back(organization):
    client = client_with(organization, "2/min")
    assert [client.get("/api/me").status_code for _ in range(2)] == [200, 200]
    refused = client.get("/api/me")
    assert problem_of(refused, 429)["type"] == "/problems/throttled"
    assert 0 < int(refused["Retry-After"]) <= 61
    assert f"in {refused['Retry-After']} seconds" in refused.json()["detail"]


def test_every_answer_says_what_is_left(organization):
    client = client_with(organization, "3/min")
    for left in (2, 1, 0, 0):
        answer = client.get("/api/me")
        assert answer["RateLimit-Policy"] == '"key";q=3;w=60'
        name, r, t = answer["RateLimit"].split(";")
        assert (name, r) == ('"key"', f"r={left}")
        assert 0 < int(t.removeprefix("t=")) <= 61
    assert t == f"t={answer['Retry-After']}"


def test_whatever_becomes_of_a_request_it_counts_and_is_told(organization):
    client = client_with(organization, "50/min")
    answers = [
        post(client, "/api/contexts", MINIMAL),
        client.get("/api/contexts/ctx_x"),
        client.get("/api/contexts?limit=x"),
        client.get("/api/contexts", headers={"Accept": "image/png"}),
        client.delete("/api/me"),
        client.options("/api/contexts"),
        client.head("/api/contexts"),
        client.get("/api/contexts", headers={"If-None-Match": "*"}),
    ]
    assert [answer.status_code for answer in answers] == [403, 404, 400, 406, 405, 200, 200, 304]
    left = [answer["RateLimit"].split(";")[1] for answer in answers]
    assert left == [f"r={number}" for number in range(49, 41, -1)]


def test_a_fault_of_ours_counts_too(organization, monkeypatch):
    def broken(self: APIView, request: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(contexts.ContextsView, "get", broken)
    client = client_with(organization, "1/min")
    assert [client.get("/api/contexts").status_code for _ in range(2)] == [500, 429]


def test_another_keys_rate_is_its_own(organization):
    first, second = client_with(organization, "1/hour"), client_with(organization, "1/hour")
    assert first.get("/api/me").status_code == 200
    assert second.get("/api/me").status_code == 200
    assert first.get("/api/me").status_code == 429


def test_key_without_a_rate_is_not_limited(organization):
    client = client_with(organization, "")
    answers = [client.get("/api/me") for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any("RateLimit" in answer for answer in answers)


@pytest.mark.parametrize("path", ["/healthz", "/api/schema", "/problems"])
def test_what_asks_for_no_key_counts_nothing(organization, path):
    client = client_with(organization, "1/hour")
    assert [client.get(path).status_code for _ in range(3)] == [200, 200, 200]
    assert client.get("/api/me").status_code == 200


def test_rate_is_counted_in_redis(organization, redis):
    client = client_with(organization, "2/min")
    assert [client.get("/api/me").status_code for _ in range(3)] == [200, 200, 429]


def test_while_redis_is_away_the_process_counts_by_itself(organization, redis):
    client = client_with(organization, "2/min")
    assert client.get("/api/me").status_code == 200
    redis.kill()
    assert [client.get("/api/me").status_code for _ in range(3)] == [200, 200, 429]
