"""The servers that the rows on MongoDB need, and a place on them for each run."""

from itertools import count, cycle
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pymongo import MongoClient
from redis import Redis

from tests.stores.mongo_server import REAL_URL, MongoServer, address
from tests.stores.redis_server import RedisServer

REDIS_DATABASES = 16


class Stores:
    """Redis, and MongoDB, or its stand-in where MONGODB_TEST_URL names no real one.

    A real MongoDB synchronises its journal once for a bulk write. The stand-in could do it only for each document by
    itself, a hundred times for a group, so it is left out there.
    """

    def __init__(self, folder: Path) -> None:
        self._redis = RedisServer(folder / "redis")
        self._mongo = None if REAL_URL else MongoServer(folder / "mongodb")
        self._names = count(1)
        self._redis_numbers = cycle(range(REDIS_DATABASES))

    def __enter__(self) -> Self:
        self._redis.__enter__()
        if self._mongo is not None:
            self._mongo.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._redis.stop()
        if self._mongo is not None:
            self._mongo.stop()

    def place(self) -> dict[str, str]:
        """Return the addresses of an empty database of each kind."""
        name = f"draftline_bench_{next(self._names)}"
        mongo = address(REAL_URL, name) if self._mongo is None else self._mongo.url(name)
        redis = self._redis.url(next(self._redis_numbers))
        for client in (MongoClient[dict[str, Any]](mongo), Redis.from_url(redis)):
            with client:
                client.drop_database(name) if isinstance(client, MongoClient) else client.flushdb()
        return {"DATABASE_URL": mongo, "REDIS_URL": redis}
