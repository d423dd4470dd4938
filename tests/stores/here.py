"""Where this test run's stores are, for processes that tests start."""

from django.conf import settings
from django.db import connection

from tests.stores.emptying import on_mongo
from tests.stores.mongo_server import address


def stores_here() -> dict[str, str]:
    """Return the environment of a process that works on the database of the test that starts it."""
    database = connection.settings_dict
    name = str(database["NAME"])
    url = address(str(database["HOST"]), name) if on_mongo() else f"sqlite://{name}"
    return {"DATABASE_URL": url, "REDIS_URL": settings.REDIS_URL}
