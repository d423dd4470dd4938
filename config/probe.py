"""Asks the web server of this container whether it answers: ``python -m config.probe``; exit code 0 if so.

It names a host that the server allows, as a probe by address would be refused in production.
"""

import http.client
import os
import sys

ANSWER_SECONDS = 4


def main() -> int:
    """Ask /healthz; return the exit code."""
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
    sys.exit(main())
