"""Queries whose SQL is built once, for what every request asks: building it costs Django far more than SQLite needs
to answer. On another database the same query runs as any other.
"""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

ModelT = TypeVar("ModelT", bound=Model)

# stand for the values while the SQL is built; no query has such constants
_PLACES = tuple(f"\ue000{number}" for number in range(4))


class Prepared(Generic[ModelT]):
    """A query whose values change and nothing else.

    Args:
        build: makes the query from its values, which are texts; may join tables, but not select from them. Its order
            does not count.
    """

    def __init__(self, build: Callable[..., QuerySet[ModelT]]) -> None:
        self._build = build
        self._built: tuple[type[ModelT], str, list[object]] | None = None

    def find(self, *values: str) -> ModelT | None:
        """Return a row that these values find, None where there is none."""
        return next(iter(self.rows(*values)), None)

    def rows(self, *values: str) -> Iterable[ModelT]:
        """Return the rows that these values find, in no order."""
        if connection.vendor != "sqlite":
            return self._build(*values).order_by()
        model, sql, slots = self._sql(len(values))
        params = [values[_PLACES.index(slot)] if slot in _PLACES else slot for slot in slots]
        return model._default_manager.raw(sql, params)

    def _sql(self, number: int) -> tuple[type[ModelT], str, list[object]]:
        if self._built is None:
            rows = self._build(*_PLACES[:number]).order_by()
            sql, params = rows.query.sql_with_params()
            self._built = rows.model, sql, list(params)
        return self._built
