"""Tells whether this container's program is well, by exit code 0.

``python -m config.probe`` asks the web server; it names a host that the server allows, as a probe by address would be
refused in production. ``python -m config.probe contexts`` looks whether that cluster turns.
"""

import http.client
import os
import sys

from contexts.alive import is_alive

ANSWER_SECONDS = 4


def main(arguments: list[str]) -> int:
    """Look; return the exit code."""
    return _look_at_cluster(*arguments) if arguments else _ask_web()


def _look_at_cluster(name: str) -> int:
    if is_alive(name):
        return 0
    sys.stderr.write(f"The cluster {name} does not turn.\n")
    return 1


def _ask_web() -> int:
    allowed = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".")
    host = allowed if allowed not in ("", "*") else "localhost"
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8000")), timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/healthz", headers={"Host": host})
        status = connection.getresponse().status
    except OSError as exc:
        sys.stderr.write(f"The web server does not answer: {exc}\n")
        return 1
    finally:
        connection.close()
    return 0 if status == http.HTTPStatus.OK else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
