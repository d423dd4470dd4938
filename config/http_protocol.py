"""What the web server answers by itself, before any of our code runs: a request that is no HTTP."""

import json
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from base.problems import problem_document

PROBLEM_TYPE = b"application/problem+json"


class ProblemHttpProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, but for the shape of its 400."""

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that cannot be read, and close the connection."""
        status = HTTPStatus.BAD_REQUEST
        problem = problem_document(status=status, type="bad-request", title=status.phrase, detail=msg)
        body = json.dumps(problem).encode()
        lines = [
            b"HTTP/1.1 400 Bad Request",
            b"content-type: " + PROBLEM_TYPE,
            b"content-length: %d" % len(body),
            b"connection: close",
        ]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        self.transport.close()
