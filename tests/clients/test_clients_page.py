"""The clients of docs/clients.md do what the page says, against a real server."""

import shutil
import subprocess
import sys

import pytest

from tests.docs.pages import ROOT, code_blocks, section
from tests.durability.installation import Installation

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]
PAGE = ROOT / "docs" / "clients.md"
TOLD = [
    "status pending",
    "status processing",
    "step template",
    "step ai_generator",
    "step transformer",
    "status completed",
]


def printed(installation: Installation, heading: str, language: str, *command: str) -> str:
    """What the client under a heading prints."""
    (client,) = code_blocks(section(PAGE, heading), language)
    program = shutil.which(command[0])
    assert program, f"{command[0]} is not installed"
    environment = {
        **installation.environment,
        "DRAFTLINE": installation.url,
        "KEY": installation.authorization.removeprefix("Bearer "),
    }
    done = subprocess.run(
        [program, *command[1:]], input=client, env=environment, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def test_curl_gets_the_text_and_the_events(installation: Installation):
    text = printed(installation, "curl", "sh", "bash", "-euo", "pipefail")
    assert text.startswith("# Example Article")
    assert '"status":"completed"' in text


def test_python_follows_a_context_and_a_batch_and_reads_a_problem(installation: Installation):
    lines = printed(installation, "Python", "python", sys.executable, "-").splitlines()
    assert lines[: len(TOLD)] == TOLD
    assert lines[len(TOLD)] == "completed"
    assert "<h1" in lines[len(TOLD) + 1]
    assert lines[-2:] == ["3 of 3", "/problems/invalid-input /pipeline/0"]


def test_javascript_follows_a_context_and_reads_a_problem(installation: Installation):
    lines = printed(installation, "JavaScript", "js", "node", "--input-type=module", "-").splitlines()
    assert lines[: len(TOLD)] == TOLD
    assert lines[len(TOLD) : len(TOLD) + 2] == ["completed", "# Example Article"]
    assert lines[-1] == "/problems/invalid-input /pipeline/0"
