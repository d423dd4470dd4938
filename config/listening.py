"""Addresses to listen on."""

import socket

BACKLOG = 2048
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared with, never bound


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes any that is free.

    Raises:
        OSError: the address is in use, is not ours, or its name is unknown.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def free_port(host: str, wanted: int) -> int:
    """Return ``wanted`` where it is free, else a port that is.

    Raises:
        OSError: nothing can listen on this host.
    """
    try:
        listener = listen(host, wanted)
    except OSError:
        listener = listen(host, 0)
    with listener:
        port: int = listener.getsockname()[1]
        return port


def base_url(host: str, port: int) -> str:
    """Return the address that a browser on this machine opens."""
    name = ANY_ADDRESS.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
