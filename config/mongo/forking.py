"""Keeps MongoDB's clients out of forked processes: a client's locks and sockets do not survive a fork.

django-q2 forks its workers, and a component may fork, too, while the threads of its worker go on with their client.
So the child forgets the client without closing it, which would send its farewell over the parent's connections.

Source: https://www.mongodb.com/docs/languages/python/pymongo-driver/current/connect/mongoclient/#forking-a-process
"""

import os
from collections.abc import Sequence
from typing import Any

from django.db import connections

# never collected: pymongo complains of a client that ends unclosed
_left_behind: list[Any] = []


def forget_clients() -> None:
    """Let this process, which was forked just now, open clients of its own."""
    opened: Sequence[Any] = connections.all(initialized_only=True)
    for connection in opened:
        if connection.vendor != "mongodb":
            continue
        connection.connection = connection.session = None
        vars(connection).pop("database", None)  # kept from the first use on
        _left_behind.extend(connection._connection_pools.values())
        connection._connection_pools.clear()


def install() -> None:
    """Forget the clients after every fork of this process and of its children."""
    os.register_at_fork(after_in_child=forget_clients)
