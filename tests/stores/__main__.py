"""Runs pytest beside Redis and MongoDB, a pair of its own for each of pytest's processes, and ends as it ended."""

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.stores.mine import DATABASES, REDISES
from tests.stores.mongo_server import REAL_URL, MongoServer
from tests.stores.redis_server import RedisServer

DATABASE = "draftline"
PROCESSES = "--numprocesses"


def main(command: list[str]) -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="draftline-stores-")))
        numbers = range(processes_of(command))
        redises = [stack.enter_context(RedisServer(folder / f"redis-{n}")).url() for n in numbers]
        mongos = [REAL_URL or stack.enter_context(MongoServer(folder / f"mongodb-{n}")).url(DATABASE) for n in numbers]
        stores = {DATABASES: " ".join(mongos), REDISES: " ".join(redises)}
        print(*(f"{name}={value}" for name, value in stores.items()), sep="\n", file=sys.stderr)
        return subprocess.run(command, env={**os.environ, **stores}, check=False).returncode


def processes_of(command: list[str]) -> int:
    """Return how many processes pytest is asked to use."""
    return int(command[command.index(PROCESSES) + 1]) if PROCESSES in command else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
