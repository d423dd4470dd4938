"""A backup of a running installation, restored after everything was lost: what was in flight goes on and completes."""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, between, code_blocks, text_of
from tests.durability.installation import SEED, Installation, wait_until
from tests.fakes.openai_server import FakeOpenAi
from tests.stores.mongo_server import MongoServer

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]

CONTEXTS = 40
IN_FLIGHT = 8
MODEL_SECONDS = 0.5
PAGE = text_of(ROOT / "docs" / "operate.md")


@pytest.fixture(scope="module")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    with MongoServer(tmp_path_factory.mktemp("mongodb")) as server:
        yield server


@pytest.fixture
def model() -> Iterator[FakeOpenAi]:
    with FakeOpenAi(latency_seconds=MODEL_SECONDS) as server:
        yield server


def installed(folder: Path, model: FakeOpenAi, database_url: str = "") -> Installation:
    folder.mkdir(exist_ok=True)
    return Installation(folder, model, DATABASE_URL=database_url, WORKERS="1", MAX_IN_FLIGHT=str(IN_FLIGHT))


def batch_half_done(installation: Installation, model: FakeOpenAi) -> str:
    """Submit contexts and return when some have ended, some wait, and some are in flight, for the model holds them."""
    batch = installation.submit(CONTEXTS)
    wait_until(lambda: installation.counts(batch)["completed"] >= IN_FLIGHT, seconds=60, what="some have ended")
    model.hold()
    wait_until(lambda: model.in_flight == IN_FLIGHT, seconds=60, what="some are in flight")
    return batch


def lose(installation: Installation, batch: str, model: FakeOpenAi) -> None:
    """Kill everything; what was in flight was so all through the backup."""
    counts = installation.counts(batch)
    assert counts["processing"] == IN_FLIGHT
    assert counts["pending"] > 0
    installation.kill_everything()
    model.release()


def finishes(installation: Installation, batch: str) -> None:
    assert installation.wait_for_end(batch, seconds=90)["completed"] == CONTEXTS
    runs = [installation.get(f"contexts/{found['id']}/steps")["results"] for found in installation.contexts(batch)]
    finished = Counter(tuple(run["key"] for run in each if run["outcome"] == "completed") for each in runs)
    assert finished == {tuple(SEED["pipeline"]): CONTEXTS}, "no finished step runs again"


def run_block(name: str, **environment: str) -> None:
    """Run the commands of docs/operate.md as they stand there."""
    (block,) = code_blocks(between(PAGE, name), "sh")
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **environment}
    script = f"set -euo pipefail\n{block}"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.sqlite("these are SQLite's files")
def test_files_of_a_running_installation_are_restored_and_its_work_goes_on(tmp_path: Path, model: FakeOpenAi):
    data, backup = tmp_path / "data", tmp_path / "backup"
    with installed(data, model) as lost:
        batch = batch_half_done(lost, model)
        run_block("backup", DATA_DIR=str(data), BACKUP=str(backup))
        lose(lost, batch, model)
    shutil.rmtree(data)
    run_block("restore", DATA_DIR=str(data), BACKUP=str(backup))
    with installed(data, model) as restored:
        finishes(restored, batch)


@pytest.mark.parametrize("way", ["from SQLite to MongoDB", "from MongoDB to SQLite"])
def test_export_of_a_running_installation_is_imported_and_its_work_goes_on(
    tmp_path: Path, model: FakeOpenAi, mongo: MongoServer, way: str
):
    mongo_url = mongo.url(way.replace(" ", "_"))
    source, target = ("", mongo_url) if way.endswith("MongoDB") else (mongo_url, "")
    backup = tmp_path / "backup"
    with installed(tmp_path / "lost", model, source) as lost:
        batch = batch_half_done(lost, model)
        run_block("export", DATABASE_URL=source, DATA_DIR=str(tmp_path / "lost"), BACKUP=str(backup))
        lose(lost, batch, model)
    run_block("import", DATABASE_URL=target, DATA_DIR=str(tmp_path / "restored"), BACKUP=str(backup))
    with installed(tmp_path / "restored", model, target) as restored:
        finishes(restored, batch)
    assert any((tmp_path / "restored" / "media").iterdir()), "the pictures came along"
