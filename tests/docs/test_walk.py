"""Runs the commands of the pages as they stand there: the README's walk through the API, and the backup."""

import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import README, ROOT, between, code_blocks, text_of
from tests.durability.installation import Installation
from tests.fakes.openai_server import FakeOpenAi

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]
STOP_AT_ERRORS = "set -euo pipefail\n"
MARK = "=== block %s ==="


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("walk")
    # as a stranger has it: no key, the offline provider writes
    with FakeOpenAi() as unused, Installation(data_dir, unused, OPENAI_API_KEY="", OPENAI_BASE_URL="") as running:
        yield running


def shell(script: str, installation: Installation, **environment: str) -> str:
    done = subprocess.run(
        ["bash", "-c", STOP_AT_ERRORS + script],
        cwd=ROOT,
        env={**installation.environment, "DRAFTLINE": installation.url, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def answers(installation: Installation) -> list[str]:
    """What each block of the walk printed, run one after the other in one shell."""
    assert shutil.which("curl"), "curl is not installed; run: sudo apt-get install curl"
    blocks = code_blocks(between(text_of(README), "walk"), "sh")
    script = "\n".join(f"echo '{MARK % number}'\n{block}" for number, block in enumerate(blocks))
    printed = shell(script, installation)
    found = re.split(MARK % r"\d+" + "\n", printed)[1:]
    assert len(found) == len(blocks)
    return found


def test_walk_does_what_the_readme_says(answers: list[str]):
    me, posted, completed, steps, content, refused, failed, retried, batch, cancelled = answers
    assert '"name":"walk"' in me
    assert '"status":"pending"' in posted
    assert '"status":"completed"' in completed
    assert '"model_used":"offline-1"' in completed
    assert [key in steps for key in ('"key":"template"', '"key":"ai_generator"', '"key":"transformer"')] == [True] * 3
    assert content.startswith("# Example Article")
    assert "<h1" in content
    assert '"status": 400' in refused
    assert "/pipeline/0" in refused
    assert '"status":"failed"' in failed
    assert "tmpl_article_technical" in failed, "it says which templates there are"
    assert '"status":"retrying"' in retried
    assert '"completed":2' in batch
    assert batch.count('"title"') == 0, "lists come without data"
    assert '"status":"cancelled"' in cancelled or '"type": "/problems/conflict"' in cancelled


def test_retried_context_of_the_walk_completes(answers: list[str], installation: Installation):
    found = re.search(r"ctx_\w+", answers[7])
    assert found is not None
    context = installation.get(f"contexts/{found[0]}")
    assert context["status"] == "completed"
    assert "template_id" not in context["data"]


@pytest.mark.sqlite("this is how SQLite is backed up")
@pytest.mark.usefixtures("answers")
def test_backup_of_a_running_installation_can_be_opened(installation: Installation, tmp_path: Path):
    (block,) = code_blocks(between(text_of(ROOT / "docs" / "operate.md"), "backup"), "sh")
    shell(block, installation, BACKUP=str(tmp_path / "backup"))
    database = sqlite3.connect(tmp_path / "backup" / "draftline.sqlite3")
    ((contexts,),) = database.execute("SELECT COUNT(*) FROM contexts")
    ((verdict,),) = database.execute("PRAGMA integrity_check")
    database.close()
    assert contexts == 5
    assert verdict == "ok"
    assert (tmp_path / "backup" / "secret_key").exists()
    assert any((tmp_path / "backup" / "media").iterdir())
