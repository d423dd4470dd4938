"""An outage is told from a wrong query on both databases."""

import pytest
from django.db import DatabaseError, Error, InterfaceError, OperationalError
from pymongo.errors import AutoReconnect, OperationFailure, ServerSelectionTimeoutError

from base.outage import is_away


def raised_from(cause: Exception) -> Error:
    error = DatabaseError()
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("database is locked"),
        InterfaceError("connection already closed"),
        raised_from(AutoReconnect("connection closed")),
        raised_from(ServerSelectionTimeoutError("no servers found")),
        raised_from(OperationFailure("stepped down", details={"errorLabels": ["RetryableWriteError"]})),
    ],
)
def test_a_database_that_is_away_is_asked_again(error: Error):
    assert is_away(error)


@pytest.mark.parametrize("error", [DatabaseError("no such column"), raised_from(OperationFailure("bad pipeline"))])
def test_a_wrong_query_is_not_repeated(error: Error):
    assert not is_away(error)
