"""Rates of keys."""

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from users.services import apikey_create


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()
    yield
    cache.clear()


def client_with(organization, rate: str) -> APIClient:
    _, secret = apikey_create(name="limited", organization=organization, scopes=["contexts:read"], rate=rate)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def test_key_over_its_rate_is_told_when_to_come_back(organization):
    client = client_with(organization, "2/min")
    assert [client.get("/api/me").status_code for _ in range(2)] == [200, 200]
    refused = client.get("/api/me")
    assert refused.status_code == 429
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert 0 < int(refused.headers["Retry-After"]) <= 61


def test_another_keys_rate_is_its_own(organization):
    first, second = client_with(organization, "1/hour"), client_with(organization, "1/hour")
    assert first.get("/api/me").status_code == 200
    assert second.get("/api/me").status_code == 200
    assert first.get("/api/me").status_code == 429


def test_key_without_a_rate_is_not_limited(organization):
    client = client_with(organization, "")
    assert {client.get("/api/me").status_code for _ in range(20)} == {200}


def test_rate_is_counted_in_redis(organization, redis):
    client = client_with(organization, "2/min")
    assert [client.get("/api/me").status_code for _ in range(3)] == [200, 200, 429]


def test_while_redis_is_away_nobody_counts_and_nobody_is_refused(organization, redis):
    client = client_with(organization, "1/min")
    assert client.get("/api/me").status_code == 200
    redis.kill()
    assert {client.get("/api/me").status_code for _ in range(3)} == {200}
