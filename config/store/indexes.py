"""Compares the indexes that the models ask for with those that the database has, and makes what is missing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.apps import apps
from django.db import connection
from django.db.models import Index, Model, UniqueConstraint

NAME_MAX_LENGTH = 30


@dataclass(frozen=True)
class Wanted:
    """An index that a model asks for. It is known by its columns: a name differs from database to database."""

    model: type[Model]
    index: Index | UniqueConstraint
    columns: tuple[str, ...]

    @property
    def is_unique(self) -> bool:
        return isinstance(self.index, UniqueConstraint)

    def __str__(self) -> str:
        unique = "unique " if self.is_unique else ""
        return f"{unique}{self.model._meta.db_table}({', '.join(self.columns)})"


def indexes_wanted() -> list[Wanted]:
    """Return every index of every model that has a table; primary keys are part of the table itself."""
    models = [model for model in apps.get_models(include_auto_created=True) if _has_table(model)]
    return [wanted for model in models for wanted in _of_model(model)]


def indexes_missing() -> list[Wanted]:
    """Return what the database lacks. Reads only. A table that is not there lacks all of its indexes."""
    found: dict[str, set[tuple[tuple[str, ...], bool]]] = {}
    missing = []
    for wanted in indexes_wanted():
        table = wanted.model._meta.db_table
        if table not in found:
            found[table] = _found(table)
        if (wanted.columns, wanted.is_unique) not in found[table]:
            missing.append(wanted)
    return missing


def index_make(wanted: Wanted) -> None:
    """Make an index. Safe to repeat on MongoDB; on a large table it takes a while."""
    with connection.schema_editor() as editor:
        if isinstance(wanted.index, UniqueConstraint):
            editor.add_constraint(wanted.model, wanted.index)
        else:
            editor.add_index(wanted.model, wanted.index)


def _has_table(model: type[Model]) -> bool:
    return model._meta.managed and not model._meta.proxy and not model._meta.swapped


def _of_model(model: type[Model]) -> Iterator[Wanted]:
    for field in model._meta.local_concrete_fields:
        if field.unique and not field.primary_key:
            yield _unique(model, [field.name])
        elif getattr(field, "db_index", False) and not field.primary_key:
            yield _plain(model, Index(fields=[field.name]))
    for names in model._meta.unique_together:
        yield _unique(model, list(names))
    for constraint in model._meta.constraints:
        if isinstance(constraint, UniqueConstraint) and constraint.fields:
            yield Wanted(model, constraint, _columns(model, constraint.fields))
    for index in model._meta.indexes:
        yield _plain(model, index)


def _plain(model: type[Model], index: Index) -> Wanted:
    if not index.name:
        index.set_name_with_model(model)
    return Wanted(model, index, _columns(model, index.fields))


def _unique(model: type[Model], names: list[str]) -> Wanted:
    name = "_".join([model._meta.db_table, *names, "uniq"])[-NAME_MAX_LENGTH:]
    return Wanted(model, UniqueConstraint(fields=names, name=name), _columns(model, names))


def _columns(model: type[Model], names: Sequence[str]) -> tuple[str, ...]:
    columns = {field.name: str(field.column) for field in model._meta.concrete_fields}
    return tuple(columns[name.lstrip("-")] for name in names)


def _found(table: str) -> set[tuple[tuple[str, ...], bool]]:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, table)
    indexes = [found for found in constraints.values() if found["index"] or found["unique"]]
    return {(tuple(found["columns"]), bool(found["unique"])) for found in indexes}
