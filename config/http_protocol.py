"""What the web server answers by itself: a request that is no HTTP, a problem before Django runs."""

import json
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from base.problems import problem_document

PROBLEM_TYPE = b"application/problem+json"
MAX_HEAD_BYTES = 64 * 1024


def problem_body(status: HTTPStatus, detail: str) -> bytes:
    """Return the body of a problem that is answered without Django."""
    type = status.phrase.lower().replace(" ", "-")
    return json.dumps(problem_document(status=status, type=type, title=status.phrase, detail=detail)).encode()


class ProblemHttpProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, but for the shape of its 400, and a bound for headers: httptools takes any number."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reads_head = False
        self._head_bytes = 0

    def on_message_begin(self) -> None:
        """Begin to count; a request's first bytes are bounded by what one read from a socket brings."""
        self._reads_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._reads_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take what came, unless it is one more part of a head that has no end."""
        if self._reads_head:
            self._head_bytes += len(data)
        if self._head_bytes <= MAX_HEAD_BYTES:
            super().data_received(data)
        elif not self.transport.is_closing():
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"The headers are larger than {MAX_HEAD_BYTES} bytes together.",
            )

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that cannot be read, and close the connection."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        body = problem_body(status, detail)
        lines = [
            b"HTTP/1.1 %d %s" % (status, status.phrase.encode()),
            b"content-type: " + PROBLEM_TYPE,
            b"content-length: %d" % len(body),
            b"connection: close",
        ]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        self.transport.close()
