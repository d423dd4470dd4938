"""Which database Draftline runs on, from DATABASE_URL alone: SQLite in DATA_DIR, or MongoDB."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

# FULL costs about a tenth with group commits, and an accepted context survives a power cut.
SQLITE_PRAGMAS = "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA mmap_size=134217728;PRAGMA cache_size=-20000;"
SQLITE_BUSY_SECONDS = 20
MONGO_ENGINE = "config.mongo.backend"
MONGO_SCHEMES = ("mongodb", "mongodb+srv")
# What was answered is in the journals of most members, and what was read will not be taken back. A server that is away,
# or silent, holds a thread for a minute at most. An option in DATABASE_URL wins over each of these.
# Source: https://www.mongodb.com/docs/manual/reference/connection-string-options/
MONGO_OPTIONS: dict[str, Any] = {
    "w": "majority",
    "journal": True,
    "readConcernLevel": "majority",
    "retryWrites": True,
    "retryReads": True,
    "maxPoolSize": 50,
    "serverSelectionTimeoutMS": 5_000,
    "connectTimeoutMS": 5_000,
    "socketTimeoutMS": 30_000,
}


def database_from_url(url: str, data_dir: Path) -> dict[str, Any]:
    """Return the DATABASES entry for ``url``; an empty one means a SQLite file in ``data_dir``.

    Raises:
        ImproperlyConfigured: the URL names another kind of database, or no database name.
    """
    if not url:
        return _sqlite(data_dir / "draftline.sqlite3")
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _sqlite(Path(unquote(parts.path)))
    if parts.scheme in MONGO_SCHEMES:
        return _mongo(url, parts.path.strip("/"), parts.query)
    raise ImproperlyConfigured(
        f"DATABASE_URL starts with {parts.scheme!r}; write sqlite:///absolute/path or mongodb://host/name."
    )


def is_mongo(database: dict[str, Any]) -> bool:
    """Tell whether an entry of DATABASES is MongoDB."""
    return bool(database["ENGINE"] == MONGO_ENGINE)


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "CONN_MAX_AGE": None,  # opening one costs more than most queries
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": SQLITE_BUSY_SECONDS,
            "init_command": SQLITE_PRAGMAS,
        },
    }


def _mongo(url: str, name: str, query: str) -> dict[str, Any]:
    if not name:
        raise ImproperlyConfigured("DATABASE_URL names no database; write mongodb://host:27017/draftline.")
    chosen = {option.lower() for option in parse_qs(query, keep_blank_values=True)}
    return {
        "ENGINE": MONGO_ENGINE,
        "HOST": url,
        "NAME": name,
        "OPTIONS": {option: value for option, value in MONGO_OPTIONS.items() if option.lower() not in chosen},
    }
