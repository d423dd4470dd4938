"""What an installation of the tests begins with on SQLite: migrated, with the samples and a key.

Made once in each process of the tests and then copied: to make it anew takes longer than many a test.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from atexit import register
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATABASE = "draftline.sqlite3"
MAKE_KEY = """
from users.services import apikey_create, organization_default
scopes = ["contexts:read", "contexts:write", "webhooks:read", "webhooks:write"]
print(apikey_create(name="tests", organization=organization_default(), scopes=scopes)[1])
"""


@dataclass(frozen=True)
class Seed:
    """A data directory, and the key that its database knows."""

    folder: Path
    key: str

    def copy_to(self, data_dir: Path) -> None:
        shutil.copytree(self.folder, data_dir, dirs_exist_ok=True)


@cache
def seed() -> Seed:
    """Return the one of this process."""
    folder = Path(tempfile.mkdtemp(prefix="draftline-seed-"))
    register(shutil.rmtree, folder, ignore_errors=True)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATA_DIR": str(folder)}
    environment |= {"DATABASE_URL": "", "REDIS_URL": ""}
    manage("migrate", "-v0", environment=environment)
    manage("loadsamples", "-v0", environment=environment)
    key = manage("shell", "-v0", "-c", MAKE_KEY, environment=environment).strip().splitlines()[-1]
    return Seed(folder, key)


def manage(*arguments: str, environment: dict[str, str]) -> str:
    """Run ``manage.py`` and return what it printed."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True, timeout=60
    ).stdout
