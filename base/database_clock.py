"""Lets the database's clock rule where it has one of its own: several hosts then agree on what is due.

MongoDB tells its time in the answer to ``hello``. SQLite has no clock but this host's, and all that use it run here.

Source: https://www.mongodb.com/docs/manual/reference/command/hello/#mongodb-data-hello.localTime
"""

import logging
import threading
import time
from datetime import UTC, datetime
from typing import Any

from django.db import Error, connection
from pymongo.errors import PyMongoError

from base import clock

REFRESH_SECONDS = 60.0

logger = logging.getLogger(__name__)


def has_own_clock() -> bool:
    """Tell whether the database's clock is another one than this host's."""
    return bool(connection.vendor == "mongodb")


def ask() -> datetime:
    """Return what the database's clock shows. Blocks."""
    mongo: Any = connection
    moment: datetime = mongo.database.command("hello")["localTime"]
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def refresh() -> None:
    """Follow the database's clock from what it shows now. Never raises: until the next time the last answer holds."""
    if not has_own_clock():
        return
    try:
        asked_at = time.monotonic()
        moment = ask()
        clock.follow(moment, asked_at=asked_at, answered_at=time.monotonic())
    except (Error, PyMongoError) as exc:
        logger.warning("database_clock_failed reason=%s", exc)


def keep_refreshing() -> None:
    """Refresh once a minute in a thread, for processes without a heartbeat. Call it after the last fork."""
    if has_own_clock():
        threading.Thread(target=_refresh_for_ever, name="database-clock", daemon=True).start()


def _refresh_for_ever() -> None:
    while True:
        refresh()
        time.sleep(REFRESH_SECONDS)
