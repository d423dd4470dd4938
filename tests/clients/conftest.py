"""One installation for all clients: as a stranger has it, no key of a provider, the offline one writes."""

from collections.abc import Iterator

import pytest

from tests.durability.installation import Installation
from tests.fakes.openai_server import FakeOpenAi


@pytest.fixture(scope="package")
def installation(tmp_path_factory) -> Iterator[Installation]:
    data_dir = tmp_path_factory.mktemp("clients")
    with FakeOpenAi() as unused, Installation(data_dir, unused, OPENAI_API_KEY="", OPENAI_BASE_URL="") as running:
        running.wait_for_drains()
        yield running
