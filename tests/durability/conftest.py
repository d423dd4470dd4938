"""One installation with the default settings for all tests that leave it well; others start their own."""

import pytest

from tests.durability.installation import Installation
from tests.fakes.openai_server import FakeOpenAi


@pytest.fixture(scope="package")
def model_server():
    with FakeOpenAi() as server:
        yield server


@pytest.fixture(scope="package")
def installation(tmp_path_factory, model_server):
    with Installation(tmp_path_factory.mktemp("installation"), model_server) as running:
        running.wait_for_drains()
        yield running


@pytest.fixture(autouse=True)
def _model_answers_at_once_again(request):
    server = request.getfixturevalue("model_server") if "model_server" in request.fixturenames else None
    yield
    if server is not None:
        server.release()
        server.latency_seconds = 0
