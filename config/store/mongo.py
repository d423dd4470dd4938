"""Looks at a MongoDB: its address, its version, whether what it acknowledges stays, and its clock."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pymongo
from django.db import connection
from pymongo.errors import OperationFailure

from base import database_clock
from config.database_checks import LEAST_MONGODB
from config.store.facts import Fact, address_without_password, note, problem

ANSWER_SECONDS = 4.0
CLOCK_OFFSET_SECONDS = 1.0
SAFE_ADVICE = "Set w=majority in DATABASE_URL."


def limited_time() -> AbstractContextManager[object]:
    """Bound everything that is asked of the server: one that is cut off answers nothing, and does not refuse."""
    return pymongo.timeout(ANSWER_SECONDS)


def which() -> Fact:
    """Say which database is configured, without its password."""
    host = address_without_password(connection.settings_dict["HOST"]).partition("/")[0]
    return Fact("database", f"MongoDB at {host}, database {connection.settings_dict['NAME']}")


def about_server() -> Iterator[Fact]:
    """Yield what the server says of itself.

    Raises:
        Exception: it does not answer.
    """
    connection.ensure_connection()
    database = _database()
    asked_at = time.time()
    hello = database.command("hello")
    yield Fact("reachable", f"It answers, after {(time.time() - asked_at) * 1000:.0f} ms")
    yield _version()
    yield _topology(hello)
    yield _write_concern(database)
    yield _read_preference(database)
    yield _clock()


def _database() -> Any:
    wrapper: Any = connection
    return wrapper.database


def _version() -> Fact:
    wrapper: Any = connection
    version = ".".join(str(part) for part in wrapper.get_database_version()[:3])
    oldest = ".".join(map(str, LEAST_MONGODB))
    if wrapper.get_database_version() >= LEAST_MONGODB:
        return Fact("version", f"MongoDB {version}")
    return problem("version", f"MongoDB {version} is too old", f"Draftline needs {oldest} or newer.")


def _topology(hello: dict[str, Any]) -> Fact:
    if hello.get("msg") == "isdbgrid":
        return Fact("replica set", "A sharded cluster: writes are repeated and acknowledged by a majority")
    if not hello.get("setName"):
        return problem(
            "replica set",
            "A single server without a replica set: a write whose answer is lost cannot be repeated safely",
            "Start it with --replSet, run rs.initiate() once, and add replicaSet=NAME to DATABASE_URL.",
        )
    members = len(hello.get("hosts", ()))
    text = f"{hello['setName']}, primary {hello.get('primary', 'unknown')}, {members} to vote"
    if members < 3:
        return note("replica set", text, "It has no other copy to go on with: three members survive the loss of one.")
    return Fact("replica set", text)


def _write_concern(database: Any) -> Fact:
    concern = database.write_concern.document or _default_write_concern(database)
    if concern is None:
        return note("write concern", "The server does not tell this user its default", SAFE_ADVICE)
    if concern.get("w") == "majority":
        return Fact("write concern", "A write is acknowledged when a majority has it")
    text = f"A write is acknowledged with w={concern.get('w', 1)}: a failover may lose what was accepted"
    return problem("write concern", text, SAFE_ADVICE)


def _default_write_concern(database: Any) -> dict[str, Any] | None:
    try:
        answer = database.client.admin.command("getDefaultRWConcern")
    except OperationFailure:
        return None
    found: dict[str, Any] = answer.get("defaultWriteConcern", {})
    return found


def _read_preference(database: Any) -> Fact:
    mode = database.read_preference.mongos_mode
    if mode == "primary":
        return Fact("reads", "They come from the primary")
    text = f"With readPreference={mode} a worker may not see what it has just claimed"
    return problem("reads", text, "Leave that out of DATABASE_URL, but for an export.")


def _clock() -> Fact:
    asked_at = time.time()
    shown = database_clock.ask().timestamp()
    offset = shown - (asked_at + time.time()) / 2
    text = f"The server's is {abs(offset):.3f} s {'ahead of' if offset > 0 else 'behind'} this host's"
    if abs(offset) < CLOCK_OFFSET_SECONDS:
        return Fact("clock", text)
    return note("clock", text, "Draftline follows the server's; let NTP set both, or times in logs will not agree.")
