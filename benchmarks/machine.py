"""What the figures were measured on."""

import os
import platform
import sqlite3
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import django
import psutil

from base.clock import now, to_iso
from benchmarks.processes import ROOT
from benchmarks.workshop import file_system


def machine_facts(folder: Path) -> dict[str, Any]:
    """Return facts about this machine and this checkout.

    Args:
        folder: where the databases lie.
    """
    return {
        "measured_at": to_iso(now()),
        "cpu": cpu_model(),
        "cores": psutil.cpu_count() or 0,
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "load_before": round(os.getloadavg()[0], 2),
        "loop_ms": round(loop_ms(), 1),
        "system": platform.platform(),
        "file_system": file_system(folder),
        "python": platform.python_version(),
        "django": django.__version__,
        "sqlite": sqlite3.sqlite_version,
        "revision": revision(),
    }


def loop_ms() -> float:
    """Return how long a million turns of a Python loop take, at best: how fast the machine is just now."""

    def once() -> float:
        began = time.perf_counter()
        for _ in range(1_000_000):
            pass
        return (time.perf_counter() - began) * 1000

    return min(once() for _ in range(5))


def cpu_model() -> str:
    """Return the processor's name, as Linux tells it."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line for line in lines if line.startswith("model name")).partition(":")[2].strip()
    return platform.processor() or "unknown"


def revision() -> str:
    """Return the commit that is checked out, with ``+`` where files differ from it; empty outside of git."""
    with suppress(OSError, subprocess.CalledProcessError):
        commit = _git("rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    return ""


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
