"""Hears what a process asks of MongoDB, from the driver: whoever asks, through the ORM or past it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

Command = dict[str, Any]


class _Listener(CommandListener):
    def __init__(self) -> None:
        self.heard: list[Command] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.heard.append(dict(event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Only the start counts."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Only the start counts."""


@contextmanager
def commands_heard() -> Iterator[list[Command]]:
    """Collect the commands of every thread of this process; the first key of each is its name."""
    mongo: Any = connection
    options, listener = mongo.settings_dict["OPTIONS"], _Listener()
    usual = _set_client_aside(mongo)  # not closed: other threads still have it
    options["event_listeners"] = [listener]
    mongo.ensure_connection()
    try:
        yield listener.heard
    finally:
        del options["event_listeners"]
        mongo.close_pool()
        mongo._connection_pools.update(usual)


def _set_client_aside(mongo: Any) -> dict[str, Any]:
    usual = dict(mongo._connection_pools)
    mongo._connection_pools.clear()
    mongo.connection = None
    vars(mongo).pop("database", None)  # kept from the first use on
    return usual
