"""One installation for all tests of waits and streams, and how they talk to it."""

from collections.abc import Iterator

import pytest

from tests.durability.installation import Installation
from tests.fakes.openai_server import FakeOpenAi
from tests.live.follower import Follower


@pytest.fixture(scope="package")
def model_server() -> Iterator[FakeOpenAi]:
    with FakeOpenAi() as server:
        yield server


@pytest.fixture(scope="package")
def installation(tmp_path_factory, model_server) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("live"), model_server) as running:
        running.wait_for_drains()
        yield running


@pytest.fixture(autouse=True)
def _model_answers_at_once_again(model_server) -> Iterator[None]:
    yield
    model_server.release()


@pytest.fixture
def follower(installation) -> Iterator[Follower]:
    with Follower(installation) as follower:
        yield follower
