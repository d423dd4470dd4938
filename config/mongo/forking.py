"""Keeps MongoDB's connections out of forked processes: a client's locks and sockets do not survive a fork.

Django's `connections.close_all()` leaves MongoDB's pool open, and django-q2 forks its workers after that.

Source: https://www.mongodb.com/docs/languages/python/pymongo-driver/current/connect/mongoclient/#forking-a-process
"""

import os
from collections.abc import Sequence
from typing import Any

from django.db import connections


def close_pools() -> None:
    """Close this process's MongoDB clients; the next query opens a new one."""
    opened: Sequence[Any] = connections.all(initialized_only=True)
    for connection in opened:
        if connection.vendor != "mongodb":
            continue
        if connection.connection is not None:
            connection.close_pool()
        elif (pool := connection._connection_pools.pop(connection.alias, None)) is not None:
            pool.close()


def install() -> None:
    """Close the pools before every fork of this process and of its children."""
    os.register_at_fork(before=close_pools)
