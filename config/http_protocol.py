"""What the web server answers by itself: a request that is no HTTP, a problem before Django runs."""

import asyncio
import json
import logging
import socket
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from base.problems import problem_document

PROBLEM_TYPE = b"application/problem+json"
# Who takes nothing of what waits for him between two looks is gone, whatever his machine says.
READS_WITHIN_SECONDS = 30.0
UNSENT_BYTES = 128 * 1024
MAX_HEAD_BYTES = 64 * 1024


logger = logging.getLogger(__name__)


def problem_body(status: HTTPStatus, detail: str) -> bytes:
    """Return the body of a problem that is answered without Django."""
    type = status.phrase.lower().replace(" ", "-")
    return json.dumps(problem_document(status=status, type=type, title=status.phrase, detail=detail)).encode()


class ProblemHttpProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, but for the shape of its 400, and for bounds that it does not have.

    httptools takes any number of headers. And uvicorn waits for ever for a client to read, with all that it holds
    for him: a stream, or a thread that writes a file.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reads_head = False
        self._head_bytes = 0
        self._unread_look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Let the kernel hold little: else a slow client's reading would be seen by the megabyte only."""
        super().connection_made(transport)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            line = transport.get_extra_info("socket")
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)

    def pause_writing(self) -> None:
        """Write no more until the client has read, and look whether he does."""
        super().pause_writing()
        self._look_again(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_looking()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_looking()
        super().connection_lost(exc)

    def _look_again(self, unread: int) -> None:
        self._unread_look = self.loop.call_later(READS_WITHIN_SECONDS, self._cut_off_who_reads_nothing, unread)

    def _stop_looking(self) -> None:
        if self._unread_look is not None:
            self._unread_look.cancel()
            self._unread_look = None

    def _cut_off_who_reads_nothing(self, unread_before: int) -> None:
        unread = self.transport.get_write_buffer_size()
        if unread < unread_before:
            self._look_again(unread)
            return
        logger.info("reader_cut_off unread_bytes=%s", unread)
        self.transport.abort()  # to close it would wait for him to read the rest

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
