"""Columns of the list of templates that other apps fill: those know this one, not the other way round."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from templates_app.models import Template


@dataclass(frozen=True)
class Column:
    """A column, its texts read for a whole page at once.

    Args:
        key: a word that no other column has.
        may_see: whether a person is shown it.
        read: ``{template id: text}`` for the rows of a page; what is not named stays empty.
    """

    key: str
    title: str
    may_see: Callable[[HttpRequest], bool]
    read: Callable[[HttpRequest, Sequence[Template]], Mapping[str, str]]


_columns: list[Column] = []


def column_add(column: Column) -> None:
    """Show a column; call it where the admin's pages are registered."""
    _columns.append(column)


def columns_for(request: HttpRequest) -> list[Column]:
    """Return the columns that a person is shown."""
    return [column for column in _columns if column.may_see(request)]


def read_columns(request: HttpRequest, rows: Sequence[Any]) -> None:
    """Give each row its texts."""
    found = {column.key: column.read(request, rows) for column in columns_for(request)}
    for row in rows:
        row.column_texts = {key: texts.get(row.pk, "") for key, texts in found.items()}


def shown(column: Column) -> Callable[[Any], str]:
    """Return what Django's list shows a column by."""

    def text(row: Any) -> str:
        return str(row.column_texts[column.key])

    text.short_description = column.title  # type: ignore[attr-defined]
    text.__name__ = f"{column.key}_shown"
    return text
