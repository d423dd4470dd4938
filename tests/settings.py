"""Draftline's settings for tests: nothing that a test writes may land in the checkout."""

import os
import tempfile

from tests.stores import mine as stores

os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="draftline-test-")
os.environ["DATABASE_URL"] = stores.mine(stores.DATABASES)
os.environ["REDIS_URL"] = stores.mine(stores.REDISES)
for name in (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_MODEL",
    "PRODUCTION",
    "DEBUG",
    "METRICS_TOKEN",
    "BEHIND_PROXY",
):
    os.environ.pop(name, None)

from config.databases import is_mongo  # noqa: E402
from config.settings import *  # noqa: E402, F403
from config.settings import DATA_DIR, DATABASES  # noqa: E402

# A file, not memory: threads and processes of the engine open it by its name, as they do in earnest.
if not is_mongo(DATABASES["default"]):
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick log-ins
