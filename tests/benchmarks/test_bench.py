"""The benchmarks as a person starts them, with small counts: they must not rot."""

import json
import subprocess
from pathlib import Path

import psutil
import pytest

from benchmarks.document import FORMAT

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]
ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 200.0


def bench(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [str(ROOT / "script" / "bench"), "--quick", "--folder", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS)


def test_quick_run_measures_compares_and_leaves_nothing(tmp_path: Path):
    kept, folder = tmp_path / "result.json", tmp_path / "folder"
    folder.mkdir()
    first = bench("overhead", "pickup", "--json", str(kept), folder=folder)
    assert first.returncode == 0, first.stderr
    document = json.loads(kept.read_text())
    assert document["format"] == FORMAT
    assert document["machine"]["cores"] == psutil.cpu_count()
    assert document["options"] == {"quick": True, "runs": 1, "peers": False, "mongo": False}
    assert set(document["rows"]) == {"overhead", "pickup"}
    overhead = document["rows"]["overhead"]
    assert set(overhead["variants"]) == {"openai", "offline", "plain", "plain offline", "plain, two workers"}
    for figures in overhead["variants"].values():
        for metric in ("rate", "worker_cpu", "worker_peak"):
            assert figures[metric]["min"] == figures[metric]["median"] == figures[metric]["max"] > 0
    assert [aim["is_met"] in (True, False) for aim in overhead["aims"]] == [True] * 4
    assert 0 < document["rows"]["pickup"]["variants"]["openai"]["p50"]["median"] < 10_000
    assert "openai: at least 8 times plain" in first.stdout
    assert list(folder.iterdir()) == []


@pytest.mark.mongodb("it starts a server of its own, which not every machine has")
def test_quick_run_on_mongodb_measures_beside_sqlite_and_leaves_nothing(tmp_path: Path):
    kept, folder = tmp_path / "result.json", tmp_path / "folder"
    folder.mkdir()
    answer = bench("waiting", "--mongo", "--json", str(kept), folder=folder)
    assert answer.returncode == 0, answer.stderr
    waiting = json.loads(kept.read_text())["rows"]["waiting"]
    names = ["500 at once", "500 at once, MongoDB", "5000 at once", "5000 at once, MongoDB"]
    assert list(waiting["variants"]) == names
    for name in names:
        assert waiting["variants"][name]["rate"]["median"] > 0
        assert ("round_trips" in waiting["variants"][name]) == name.endswith("MongoDB")
    assert 0 < waiting["variants"]["5000 at once, MongoDB"]["round_trips"]["median"] < 10
    assert "500 at once, MongoDB: at least 60 % of SQLite's rate" in answer.stdout
    assert list(folder.iterdir()) == []


def test_row_that_does_not_exist_is_named(tmp_path: Path):
    answer = bench("overhaed", folder=tmp_path)
    assert answer.returncode == 2
    assert "there is no row overhaed; there are overhead" in answer.stderr
