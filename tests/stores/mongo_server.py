"""What speaks MongoDB's protocol: a stand-in in Rust where it was built (script/mongo-stand-in), else one in Python.

The one in Python is slow and has three faults, which secantus_compat.py mends. Where MONGODB_TEST_URL names a real
MongoDB, tests use that one, and those that would kill it are skipped with that reason.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.stores.server import Server

REAL_URL = os.environ.get("MONGODB_TEST_URL", "")
STAND_IN = os.environ.get("MONGODB_STAND_IN", "")
PLANS_QUERIES = bool(REAL_URL or STAND_IN)  # the one in Python reads everything and says so


class MongoServer(Server):
    """What speaks MongoDB's protocol.

    Args:
        is_durable: what was answered survives a power cut, as with a real MongoDB; the stand-in is slower so.
    """

    name = "mongodb"

    def __init__(self, folder: Path, host: str = "127.0.0.1", *, is_durable: bool = False) -> None:
        super().__init__(folder, host)
        self._durable = ["--sync-on-commit"] if is_durable else []

    def command(self) -> Sequence[str]:
        data = self.folder / "data"
        if STAND_IN:
            where = ["--host", self.host, "--port", str(self.port), "--storage-path", str(data)]
            return [STAND_IN, *where, "--cache-size", "256M", *self._durable]
        return [sys.executable, "-m", "tests.stores.python_stand_in", self.host, str(self.port), str(data)]

    def url(self, database: str) -> str:
        return f"mongodb://{self.host}:{self.port}/{database}"


def address(base: str, database: str) -> str:
    """Return the address of a database on the server of another address; its options stay."""
    head, _, options = base.partition("?")
    scheme, _, rest = head.partition("://")
    host = rest.partition("/")[0]
    return f"{scheme}://{host}/{database}" + (f"?{options}" if options else "")
