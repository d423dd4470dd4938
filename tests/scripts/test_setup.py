"""script/setup installs once, again after an interruption, and says in one line what a person must do."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Stands for the Python of a virtual environment: it notes what pip would install, and fails where it is told to.
PYTHON = """#!/bin/sh
case "$*" in
  *"pip install"*) echo "$*" >>"$0.log"; exit "${PIP_EXIT:-0}" ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout under a path with a space, with a virtual environment."""
    folder = tmp_path / "a checkout"
    (folder / ".venv" / "bin").mkdir(parents=True)
    shutil.copytree(ROOT / "script", folder / "script")
    for name in ("requirements.txt", "requirements-dev.txt", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    python = folder / ".venv" / "bin" / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    return folder


def setup(
    checkout: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(checkout / "script" / "setup"), *arguments],
        cwd="/",
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
    )


def installed(checkout: Path) -> list[str]:
    log = checkout / ".venv" / "bin" / "python.log"
    return [line.split()[-1] for line in log.read_text().splitlines()] if log.exists() else []


def test_second_run_installs_nothing_and_says_nothing(checkout: Path):
    assert setup(checkout).returncode == 0
    again = setup(checkout)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert installed(checkout) == ["requirements.txt"]


def test_changed_pin_is_installed(checkout: Path):
    setup(checkout)
    with (checkout / "constraints.txt").open("a") as pins:
        pins.write("# another\n")
    setup(checkout)
    assert installed(checkout) == ["requirements.txt"] * 2


def test_development_needs_include_what_draftline_runs_on(checkout: Path):
    for arguments in (["--dev"], [], ["--dev"]):
        assert setup(checkout, *arguments).returncode == 0
    assert installed(checkout) == ["requirements-dev.txt"]


def test_interrupted_install_is_repeated(checkout: Path):
    failed = setup(checkout, environment={"PIP_EXIT": "1"})
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith("setup: installing failed;")
    assert setup(checkout).returncode == 0
    assert installed(checkout) == ["requirements.txt"] * 2


def test_link_to_nothing_is_refused_and_kept(checkout: Path):
    shutil.rmtree(checkout / ".venv")
    (checkout / ".venv").symlink_to(checkout / "nowhere")
    answer = setup(checkout)
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert "remove the link" in line
    assert (checkout / ".venv").is_symlink()


def test_machine_without_python_is_told_what_to_install(checkout: Path, tmp_path: Path):
    shutil.rmtree(checkout / ".venv")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "env", "dirname", "flock"):
        (tools / name).symlink_to(str(shutil.which(name)))
    answer = setup(checkout, environment={"PATH": str(tools)})
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert "no Python 3.11 or newer was found" in line


def test_unknown_option_is_refused(checkout: Path):
    answer = setup(checkout, "--all")
    assert answer.returncode == 1
    assert answer.stderr.splitlines() == ["setup: there is no option --all; it is script/setup [--dev]."]
