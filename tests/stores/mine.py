"""Which stores this process of pytest uses. No other process does: each may count, empty and read all of its own.

Both variables name one server for each process, with blanks between; neither is set where tests run on SQLite.
"""

import os

DATABASES = "TEST_DATABASE_URL"
REDISES = "TEST_REDIS_URL"


def mine(variable: str) -> str:
    """Return the address of this process's server, empty where there is none."""
    listed = os.environ.get(variable, "").split()
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return listed[number % len(listed)] if listed else ""
