"""Runs a command beside Redis and MongoDB, and ends as it ended."""

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.stores.mongo_server import REAL_URL, MongoServer
from tests.stores.redis_server import RedisServer

DATABASE = "draftline"


def main(command: list[str]) -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="draftline-stores-")))
        redis = stack.enter_context(RedisServer(folder / "redis"))
        mongo_url = REAL_URL or stack.enter_context(MongoServer(folder / "mongodb")).url(DATABASE)
        stores = {"TEST_DATABASE_URL": mongo_url, "TEST_REDIS_URL": redis.url()}
        print(*(f"{name}={value}" for name, value in stores.items()), sep="\n", file=sys.stderr)
        return subprocess.run(command, env={**os.environ, **stores}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
