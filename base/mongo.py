"""MongoDB past the ORM, where the ORM takes several commands for what one can say."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connection, models
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import ClientBulkWriteException, PyMongoError

Document = dict[str, Any]


def client() -> MongoClient[Document]:
    """Return this process's client."""
    connection.ensure_connection()
    opened: MongoClient[Document] = connection.connection
    return opened


def collection(model: type[models.Model]) -> Collection[Document]:
    """Return where the rows of a model are."""
    return client()[str(connection.settings_dict["NAME"])][model._meta.db_table]


def namespace(model: type[models.Model]) -> str:
    """Return the full name of a model's collection."""
    return f"{connection.settings_dict['NAME']}.{model._meta.db_table}"


def stored(model: type[models.Model], values: Mapping[str, Any]) -> Document:
    """Return values by their columns, as the ORM would store them."""
    fields = {name: model._meta.get_field(name) for name in values}
    return {
        str(field.column): field.get_db_prep_save(values[name], connection)
        for name, field in fields.items()
        if isinstance(field, models.Field)
    }


def stored_row(row: models.Model) -> Document:
    """Return a whole row, as the ORM would store it."""
    return stored(type(row), {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields})


@contextmanager
def django_errors() -> Iterator[None]:
    """Raise what Django raises in place of pymongo's errors; the cause says whether the database is away."""
    try:
        yield
    except ClientBulkWriteException as exc:
        raise DatabaseError(str(exc)) from (exc.error if isinstance(exc.error, Exception) else exc)
    except PyMongoError as exc:
        raise DatabaseError(str(exc)) from exc
