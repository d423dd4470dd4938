"""Tells whether an error of the database means that it is away for now, or that the query is wrong."""

from django.db import Error, InterfaceError, OperationalError
from pymongo.errors import ConnectionFailure, PyMongoError


def is_away(error: Error) -> bool:
    """Tell whether the same query may work in a moment.

    SQLite says it by the class; on MongoDB every failure is a plain DatabaseError, and only its cause tells.
    """
    cause = error.__cause__
    if isinstance(error, OperationalError | InterfaceError) or isinstance(cause, ConnectionFailure):
        return True
    # a server that stops, or hands over to another one, in the middle of a write
    return isinstance(cause, PyMongoError) and cause.has_error_label("RetryableWriteError")
