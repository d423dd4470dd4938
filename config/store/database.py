"""Looks at the database: which one it is, whether it answers, and whether it is ready for Draftline."""

import os
from collections.abc import Iterator
from pathlib import Path

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config.store import mongo
from config.store.facts import Fact, State, problem, short
from config.store.indexes import indexes_missing

NAMES_SHOWN = 3


def database_facts() -> Iterator[Fact]:
    """Yield what there is to say; ends with the first thing without which the rest cannot be looked at."""
    if connection.vendor == "mongodb":
        yield mongo.which()
        with mongo.limited_time():
            yield from _looked_at(mongo.about_server())
        return
    yield Fact("database", f"SQLite, the file {_file()}")
    if _file().exists():
        yield from _looked_at(_about_file())
    else:  # opening it would make an empty one
        yield problem("database", "The file is not there yet", "Run 'manage.py migrate'.")


def _looked_at(about: Iterator[Fact]) -> Iterator[Fact]:
    try:
        yield from about
        migrations = _migrations()
        yield migrations
        if migrations.state is State.OK:  # else they would bring the indexes
            yield _indexes()
    except Exception as exc:  # whatever a driver raises, the answer is the same
        yield problem("database", f"It does not answer: {short(exc)}", _advice_when_away())


def _advice_when_away() -> str:
    if connection.vendor == "mongodb":
        return "Start it, or mend DATABASE_URL and the network between."
    return "Look at the file, its folder and who may write there; a copy may be put in its place."


def _file() -> Path:
    return Path(connection.settings_dict["NAME"])


def _about_file() -> Iterator[Fact]:
    with connection.cursor() as cursor:
        version, journal = cursor.execute("SELECT sqlite_version(), journal_mode FROM pragma_journal_mode").fetchone()
        (synchronous,) = cursor.execute("PRAGMA synchronous").fetchone()
    yield Fact("reachable", "The file can be read")
    yield Fact("version", f"SQLite {version}")
    yield _writable()
    yield _durable(journal, synchronous)


def _writable() -> Fact:
    if os.access(_file(), os.W_OK) and os.access(_file().parent, os.W_OK):
        return Fact("writable", "The file and its folder can be written")
    return problem("writable", "The file or its folder cannot be written", "Give them to the user who runs Draftline.")


def _durable(journal: str, synchronous: int) -> Fact:
    if journal == "wal" and synchronous >= 2:
        return Fact("write safety", "Every commit is on the disk before it is answered (WAL, FULL)")
    return problem(
        "write safety",
        f"journal_mode is {journal} and synchronous is {synchronous}: a power cut may lose what was accepted",
        "Stop what else has the file open, and start Draftline again: it sets both.",
    )


def _migrations() -> Fact:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        return Fact("migrations", "All are applied")
    names = [f"{migration.app_label}.{migration.name}" for migration, _ in plan]
    return problem("migrations", f"{len(plan)} are not applied: {_some(names)}", "Run 'manage.py migrate'.")


def _indexes() -> Fact:
    missing = indexes_missing()
    if not missing:
        return Fact("indexes", "Every index of every model is there")
    names = _some([str(wanted) for wanted in missing])
    return problem("indexes", f"{len(missing)} missing: {names}", "Run 'manage.py store index', which makes them.")


def _some(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
