"""What every test may ask for: an organization, its key, a client that carries the key."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django_redis import get_redis_connection
from rest_framework.test import APIClient

from base import clock, redis_link
from config.caches import cache_at
from tests.stores import emptying
from tests.stores.redis_server import RedisServer
from users.access import Scope
from users.models import Organization, User
from users.services import apikey_create

SEED = Path(__file__).parent / "seed"


def pytest_configure() -> None:
    emptying.install()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what is about the other database."""
    if marker := item.get_closest_marker("sqlite" if emptying.on_mongo() else "mongodb"):
        pytest.skip(marker.args[0])


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    yield
    clock.follow_this_host()
    emptying.empty_redis()


@pytest.fixture
def organization(db) -> Organization:
    return Organization.objects.create(id="org_test", name="Test organization")


@pytest.fixture
def api(organization: Organization) -> APIClient:
    """A client with a key that may do everything in ``organization``."""
    _, secret = apikey_create(name="tests", organization=organization, scopes=[scope.value for scope in Scope])
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


@pytest.fixture
def administrator(db) -> User:
    return User.objects.create_superuser("admin", "correct horse battery")


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(redis_server: RedisServer, settings, monkeypatch) -> Iterator[RedisServer]:
    """A Redis, empty and set up as in production; a test may stop or kill it."""
    redis_server.ensure_runs()  # the tests of who watches processes kill whatever runs below them
    monkeypatch.setattr(redis_link, "breaker", redis_link.Breaker())
    settings.REDIS_URL = redis_server.url()
    settings.CACHES = {"default": cache_at(settings.REDIS_URL)}
    connection = get_redis_connection()
    connection.flushall()
    yield redis_server
    redis_server.ensure_runs()
    connection.connection_pool.disconnect()
