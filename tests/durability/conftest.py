"""One installation with the default settings for all tests that leave it well; others start their own."""

import pytest

from tests.durability.installation import Installation
from tests.fakes.openai_server import FakeOpenAi
from tests.stores.redis_server import RedisServer


@pytest.fixture(scope="package")
def model_server():
    with FakeOpenAi() as server:
        yield server


@pytest.fixture(scope="package")
def installation(tmp_path_factory, model_server):
    with Installation(tmp_path_factory.mktemp("installation"), model_server) as running:
        running.wait_for_drains()
        yield running


@pytest.fixture(scope="package")
def redis(tmp_path_factory):
    """A Redis that no other installation uses; a test may stop or kill it."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="package")
def with_redis(tmp_path_factory, model_server, redis):
    folder = tmp_path_factory.mktemp("with-redis")
    with Installation(folder, model_server, REDIS_URL=redis.url(), WORKERS="1") as running:
        running.wait_for_drains(1)
        yield running


@pytest.fixture(autouse=True)
def _redis_runs_again(request):
    yield
    if "redis" in request.fixturenames:
        request.getfixturevalue("redis").ensure_runs()


@pytest.fixture(autouse=True)
def _model_answers_at_once_again(request):
    server = request.getfixturevalue("model_server") if "model_server" in request.fixturenames else None
    yield
    if server is not None:
        server.release()
        server.latency_seconds = 0
