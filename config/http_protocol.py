"""What the web server answers by itself: a request that is no HTTP, a problem before Django runs."""

import json
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from base.problems import problem_document

PROBLEM_TYPE = b"application/problem+json"


def problem_body(status: HTTPStatus, detail: str) -> bytes:
    """Return the body of a problem that is answered without Django."""
    type = status.phrase.lower().replace(" ", "-")
    return json.dumps(problem_document(status=status, type=type, title=status.phrase, detail=detail)).encode()


class ProblemHttpProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, but for the shape of its 400."""

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that cannot be read, and close the connection."""
        body = problem_body(HTTPStatus.BAD_REQUEST, msg)
        lines = [
            b"HTTP/1.1 400 Bad Request",
            b"content-type: " + PROBLEM_TYPE,
            b"content-length: %d" % len(body),
            b"connection: close",
        ]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        self.transport.close()
