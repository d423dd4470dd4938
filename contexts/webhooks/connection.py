"""Connections that go to public addresses only, and that end in time whatever the other side does.

The name is looked up once, and what was checked is what is connected to: a name that leads elsewhere at a second
look-up finds no second look-up. TLS still asks for a certificate of the name.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from base.addresses import is_public


class Refused(Exception):
    """No connection was made; the message says why. (No OSError: urllib3 would take it for a bad line.)"""


class Deadline:
    """Cuts a connection off when the time is up, in whatever state it is.

    A time-out of a socket begins anew with every byte that comes, so a server that drips could hold us for ever.
    """

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._lines: list[socket.socket] = []
        self.is_over = False

    @property
    def remaining_seconds(self) -> float:
        """How much is left; never nothing, for a socket takes zero for something else."""
        return max(0.01, self._ends_at - time.monotonic())

    def watch(self, line: socket.socket) -> None:
        """Cut this connection off too. A duplicate is kept: TLS takes the socket itself away from its first owner."""
        with self._lock:
            self._lines.append(line.dup())
        if self.is_over:
            self._cut()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the clock run for as long as the block does."""
        timer = threading.Timer(self.remaining_seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                for line in self._lines:
                    line.close()
                self._lines.clear()

    def _cut(self) -> None:
        self.is_over = True
        with self._lock:
            for line in self._lines:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)


class Dialler:
    """Makes the connections of one attempt."""

    def __init__(self, deadline: Deadline, *, allow_private: bool) -> None:
        self._deadline = deadline
        self._allow_private = allow_private

    def dial(self, host: str, port: int) -> socket.socket:
        """Connect to the first address of a host that answers.

        Raises:
            Refused: it has none that we may connect to.
            OSError: none answers.
        """
        addresses = self._addresses(host, port)
        for place, (family, address) in enumerate(addresses):
            line = socket.socket(family, socket.SOCK_STREAM)
            try:
                # an address that swallows everything leaves some time for the others
                line.settimeout(self._deadline.remaining_seconds / (len(addresses) - place))
                self._deadline.watch(line)
                line.connect(address)
                line.settimeout(self._deadline.remaining_seconds)
                return line
            except OSError:
                line.close()
                if place == len(addresses) - 1 or self._deadline.is_over:
                    raise
        raise Refused(f"The name {host} leads nowhere.")

    def _addresses(self, host: str, port: int) -> list[tuple[int, Any]]:
        try:
            found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            raise Refused(f"The name {host} is not known.") from exc
        addresses: list[tuple[int, Any]] = [(family, address) for family, _, _, _, address in found]
        allowed = [one for one in addresses if self._allow_private or is_public(str(one[1][0]))]
        if addresses and not allowed:
            raise Refused(f"{host} leads to an address inside of a private network, where nothing is sent.")
        return allowed


class _Plain(HTTPConnection):
    def __init__(self, *args: Any, dialler: Dialler, **options: Any) -> None:
        super().__init__(*args, **options)
        self._dialler = dialler

    def _new_conn(self) -> socket.socket:
        return self._dialler.dial(self._dns_host, self.port)


class _Encrypted(HTTPSConnection):
    def __init__(self, *args: Any, dialler: Dialler, **options: Any) -> None:
        super().__init__(*args, **options)
        self._dialler = dialler

    def _new_conn(self) -> socket.socket:
        return self._dialler.dial(self._dns_host, self.port)


class DialledAdapter(HTTPAdapter):
    """Lets requests connect through a dialler."""

    def __init__(self, dialler: Dialler) -> None:
        super().__init__()
        self._dialler = dialler

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        kind = _Encrypted if pool.scheme == "https" else _Plain
        pool.ConnectionCls = partial(kind, dialler=self._dialler)
        return pool
