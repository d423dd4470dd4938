"""The database is locked, away or killed: the web says so, the workers come back, nothing is lost."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, contextmanager
from typing import Any

import pytest
import requests

from tests.durability.client import Client
from tests.durability.installation import Installation, wait_until
from tests.fakes.openai_server import FakeOpenAi
from tests.stores.mongo_server import STAND_IN, MongoServer

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]

AWAY_SECONDS = 10.0
FILES = ("draftline.sqlite3", "draftline.sqlite3-wal", "draftline.sqlite3-shm")


@contextmanager
def locked(installation: Installation):
    """Hold the one write lock, as a backup tool or a forgotten shell does."""
    with closing(sqlite3.connect(installation.data_dir / FILES[0], isolation_level=None, timeout=20)) as foreign:
        foreign.execute("BEGIN EXCLUSIVE")
        yield
        foreign.execute("ROLLBACK")


@contextmanager
def moved_away(installation: Installation):
    """Make the file impossible to open. Who has it open goes on; the web is killed, and its successor has not."""
    elsewhere = installation.data_dir / "elsewhere"
    elsewhere.mkdir()
    blocker = installation.data_dir / FILES[0]
    for name in FILES:
        (installation.data_dir / name).rename(elsewhere / name)
    blocker.mkdir()  # else SQLite would make a new, empty database
    for web in installation.processes("config.web"):
        web.kill()
    try:
        yield
    finally:
        blocker.rmdir()
        for name in FILES:
            if (elsewhere / name).exists():
                (elsewhere / name).rename(installation.data_dir / name)


@pytest.mark.sqlite("the file is locked, or moved away")
@pytest.mark.parametrize("trouble", [locked, moved_away])
def test_database_that_is_away_for_ten_seconds_loses_nothing(
    installation, model_server, trouble: Callable[[Installation], Any]
):
    loses_nothing(installation, model_server, trouble, has_refused=trouble is moved_away)


@pytest.fixture
def mongo_server(tmp_path):
    with MongoServer(tmp_path / "mongodb", is_durable=True) as server:
        yield server


@pytest.mark.mongodb("the server is killed")
@pytest.mark.skipif(not STAND_IN, reason="a real MongoDB is not killed, and the stand-in in Python is too slow")
def test_mongodb_that_is_killed_under_load_and_away_for_ten_seconds_loses_nothing(tmp_path, mongo_server):
    @contextmanager
    def killed(_: Installation):
        mongo_server.kill()
        yield
        mongo_server.start()

    with (
        FakeOpenAi() as model_server,
        Installation(tmp_path, model_server, DATABASE_URL=mongo_server.url("killed")) as installation,
    ):
        loses_nothing(installation, model_server, killed, has_refused=True)


def loses_nothing(
    installation: Installation,
    model_server: FakeOpenAi,
    trouble: Callable[[Installation], Any],
    *,
    has_refused: bool,
) -> None:
    """Make trouble while contexts run and a client submits; see everything complete, by the same workers."""
    model_server.latency_seconds = 1
    installation.wait_for_drains()
    calls_before = model_server.calls
    batch = installation.submit(30)
    wait_until(lambda: model_server.calls - calls_before >= 30, seconds=20, what="every model call is on its way")
    workers = set(installation.drain_pids())
    with Client(installation) as client:
        wait_until(lambda: client.accepted, seconds=20, what="the client is at work")
        with trouble(installation):
            time.sleep(AWAY_SECONDS)  # that long it is away
        accepted = len(client.accepted)
        wait_until(lambda: len(client.accepted) > accepted, seconds=30, what="the web takes contexts again")
        assert requests.get(f"{installation.url}/readyz", timeout=10).ok
    print(f"accepted {len(client.accepted)}, refused {dict(client.refused)}, broken off {client.broken}")
    assert client.refused or not has_refused, "who cannot open the database says so"
    assert all(status == 503 and kind == "application/problem+json" for status, kind in client.refused)
    assert installation.wait_for_end(batch, seconds=60)["completed"] == 30
    wait_until(
        lambda: all(installation.get(f"contexts/{pk}")["status"] == "completed" for pk in client.accepted),
        seconds=60,
        what="what was accepted completes",
    )
    assert set(installation.drain_pids()) == workers, "the workers waited; nobody had to start them again"
