"""The web server: ``python -m config.web`` on HOST and PORT, or on a listening socket that it inherits."""

import os
import socket
import sys

import uvicorn

from config.environment import Environment
from config.http_protocol import ProblemHttpProtocol

GRACE_SECONDS = 5


class Server(uvicorn.Server):
    """uvicorn's own server; when it stops, answers that go on come to their end at once."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.loaded_app.stop()
        await super().shutdown(sockets)


def main() -> None:
    """Serve until SIGTERM; requests that run then have five seconds to end."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    environment = Environment()
    config = uvicorn.Config(
        "config.asgi:application",
        host=environment.str("HOST", default="127.0.0.1"),
        port=environment.int("PORT", default=8000),
        http=ProblemHttpProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,  # Django reads X-Forwarded-Proto itself, and only with BEHIND_PROXY
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    inherited = [socket.socket(fileno=int(number)) for number in sys.argv[1:]]
    Server(config).run(sockets=inherited or None)


if __name__ == "__main__":
    main()
