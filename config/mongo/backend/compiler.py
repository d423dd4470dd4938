"""Turns Django's queries into pipelines that MongoDB answers from its indexes.

django-mongodb-backend 5.2 writes $match, $project or $addFields, $sort, $limit. A sort that follows a stage which
makes fields cannot use an index: every list and every claim would read all that matches and sort it in memory. It
also joins first and looks for the rows afterwards, and fetches whole documents whatever `defer` and `only` leave out.

Source: https://www.mongodb.com/docs/manual/reference/operator/aggregation/sort/#-sort-operator-and-performance
"""

from typing import Any

from django.core.exceptions import FullResultSet
from django.db.models.expressions import Col
from django_mongodb_backend.compiler import (
    SQLAggregateCompiler,
    SQLDeleteCompiler,
    SQLInsertCompiler,
    SQLUpdateCompiler,
)
from django_mongodb_backend.compiler import SQLCompiler as MongoCompiler
from django_mongodb_backend.query import MongoQuery

__all__ = ["SQLAggregateCompiler", "SQLCompiler", "SQLDeleteCompiler", "SQLInsertCompiler", "SQLUpdateCompiler"]

CHOICE = ("$project", "$addFields")
ORDER = ("$sort", "$skip", "$limit")


class SortedFirst(MongoQuery):
    """A query that sorts before it chooses fields, where it sorts by stored ones."""

    def get_pipeline(self) -> list[dict[str, Any]]:
        stages: list[dict[str, Any]] = super().get_pipeline()
        if not self._sorts_stored_fields():
            return stages
        chosen = [stage for stage in map(_without_copies, _of(stages, CHOICE)) if any(stage.values())]
        return [*(stage for stage in stages if _name(stage) not in CHOICE + ORDER), *_of(stages, ORDER), *chosen]

    def _sorts_stored_fields(self) -> bool:
        if self.aggregation_pipeline or self.combinator_pipeline or self.search_pipeline or self.subquery_lookup:
            return False
        compiler = self.compiler
        return bool(self.ordering) and all(
            isinstance(order.expression, Col)
            and order.expression.alias == compiler.collection_name
            and not (order.nulls_first or order.nulls_last)
            for order in compiler.order_by_objs
        )


class SQLCompiler(MongoCompiler):
    """Reads what was asked for, along an index where there is one."""

    query_class = SortedFirst

    def build_query(self, columns: Any = None) -> MongoQuery:
        names, is_deferring = self.query.deferred_loading
        if columns is None and (names or not is_deferring):
            columns = self.columns
        query = super().build_query(columns)
        if query.lookup_pipeline:
            query.lookup_pipeline = [*self._own_match(), *query.lookup_pipeline]
        return query

    def _own_match(self) -> list[dict[str, Any]]:
        """Return what the rows can be found by before others are joined to them; the whole condition follows later."""
        own = self._get_pushable_conditions().get(self.collection_name)
        try:
            return [{"$match": own.as_mql(self, self.connection)}] if own else []
        except FullResultSet:
            return []


def _name(stage: dict[str, Any]) -> str:
    return next(iter(stage))


def _of(stages: list[dict[str, Any]], names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [stage for stage in stages if _name(stage) in names]


def _without_copies(stage: dict[str, Any]) -> dict[str, Any]:
    """Drop what adds a field to a document that has it already, as each key of a stock sort does."""
    if _name(stage) != "$addFields":
        return stage
    return {"$addFields": {key: value for key, value in stage["$addFields"].items() if value != f"${key}"}}
