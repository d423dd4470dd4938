"""Tells whether an error of the database means that it is away for now, or that the query is wrong."""

from django.db import Error, InterfaceError, OperationalError
from pymongo.errors import ConnectionFailure


def is_away(error: Error) -> bool:
    """Tell whether the same query may work in a moment.

    SQLite says it by the class; on MongoDB every failure is a plain DatabaseError, and only its cause tells.
    """
    return isinstance(error, OperationalError | InterfaceError) or isinstance(error.__cause__, ConnectionFailure)
