"""Empties the production stores after a test: neither MongoDB nor Redis takes back what a test wrote.

Django would flush and then make all content types and permissions anew, a tenth of a second for each test. No test
changes those, so they stay.
"""

from functools import cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import TransactionTestCase
from redis import Redis

from config.databases import is_mongo

MADE_BY_MIGRATE = (ContentType, Permission)


def on_mongo() -> bool:
    return is_mongo(settings.DATABASES["default"])


def install() -> None:
    """Let the tests that use the database end so, in place of Django's flush."""
    if on_mongo():
        TransactionTestCase._fixture_teardown = lambda self: empty_mongo()  # type: ignore[attr-defined]


def empty_mongo() -> None:
    """Remove all documents but those that `migrate` made."""
    mongo: Any = connection
    for name in _collections():
        mongo.database[name].delete_many({})


@cache
def _collections() -> list[str]:
    models = [model for model in apps.get_models(include_auto_created=True) if model not in MADE_BY_MIGRATE]
    return sorted({model._meta.db_table for model in models})


def empty_redis() -> None:
    """Remove all keys of the tests' database number, where there is a Redis."""
    if settings.REDIS_URL:
        _redis(settings.REDIS_URL).flushdb()


@cache
def _redis(url: str) -> Redis:
    return Redis.from_url(url)
