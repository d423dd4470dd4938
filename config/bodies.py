"""Takes a request's body in, in async code, before a thread is taken: a slow client holds a connection, no more.

Small bodies stay in memory, larger ones go to a temporary file. Beyond the limit nothing is kept: the rest is read and
counted, so that a client that is still sending sees the answer and not a broken connection.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from base.parsers import MAX_DISCARDED_BYTES

SPOOL_BYTES = 256 * 1024

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]


@dataclass(frozen=True)
class BodyLimits:
    """How much is kept of a body, and how long it may take.

    Args:
        keep_bytes: what comes after these is counted and thrown away.
        idle_seconds: how long nothing may come.
        whole_seconds: how long the whole may take.
    """

    keep_bytes: int
    idle_seconds: float = 30.0
    whole_seconds: float = 600.0


class Body:
    """A collected body, as ``wsgi.input`` reads it; what was thrown away reads as zeros."""

    def __init__(self, kept: IO[bytes], size: int) -> None:
        self._kept = kept
        self._left = size
        self.size = size

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes, all that is left where it is negative."""
        return self._counted(self._kept.read, size)

    def readline(self, size: int = -1) -> bytes:
        """Return the rest of the line, up to ``size`` bytes of it."""
        return self._counted(self._kept.readline, size)

    def _counted(self, read: Callable[[int], bytes], size: int) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        found = read(wanted) or bytes(min(wanted, SPOOL_BYTES))
        self._left -= len(found)
        return found

    def close(self) -> None:
        """Remove the temporary file."""
        self._kept.close()


async def collect(receive: Receive, limits: BodyLimits) -> Body:
    """Read a body to its end.

    Raises:
        ConnectionResetError: the client went away before the end.
        TimeoutError: it took too long.
    """
    message = await _soon(receive, limits)
    if not message.get("more_body", False):
        return _whole(message.get("body", b""), limits)
    return await _rest(message, receive, limits)


async def _soon(receive: Receive, limits: BodyLimits) -> Message:
    async with asyncio.timeout(limits.idle_seconds):
        message = await receive()
    if message["type"] == "http.disconnect":
        raise ConnectionResetError("the client went away")
    return message


def _whole(body: bytes, limits: BodyLimits) -> Body:
    return Body(BytesIO(body[: limits.keep_bytes]), len(body))


async def _rest(message: Message, receive: Receive, limits: BodyLimits) -> Body:
    kept: IO[bytes] = SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 - the body closes it
    size = 0
    try:
        async with asyncio.timeout(limits.whole_seconds):
            while True:
                part = message.get("body", b"")
                kept.write(part[: max(0, limits.keep_bytes - size)])
                size += len(part)
                if not message.get("more_body", False) or size >= MAX_DISCARDED_BYTES:
                    break
                message = await _soon(receive, limits)
    except BaseException:
        kept.close()
        raise
    kept.seek(0)
    return Body(kept, size)


class AwaitedBody:
    """A body that the client sends only when it is asked to: by the first read, which a thread makes."""

    def __init__(self, receive: Receive, limits: BodyLimits) -> None:
        self._receive = receive
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._body: Body | None = None

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes.

        Raises:
            ConnectionResetError, TimeoutError: as `collect`.
        """
        return self._collected().read(size)

    def readline(self, size: int = -1) -> bytes:
        """Return the rest of the line, up to ``size`` bytes of it; raises as `read`."""
        return self._collected().readline(size)

    def _collected(self) -> Body:
        if self._body is None:
            collecting = collect(self._receive, self._limits)
            self._body = asyncio.run_coroutine_threadsafe(collecting, self._loop).result()
        return self._body

    def close(self) -> None:
        """Remove the temporary file, where there is one."""
        if self._body is not None:
            self._body.close()
