"""Lists answer ``{results, next, previous}`` and stay stable while rows are added and removed.

DRF's own cursors allow for keys that are not unique, and skip a row where a page turns out empty. Our keys are unique:
a cursor is a key and the side of it that the page lies on.
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from base.problems import Fault, InvalidInput
from base.queries import query_path

MAX_CURSOR_LENGTH = 400
MAX_NUMBER = 2**31 - 1
LOOKED_AT_ONCE = 200
FREE_PARAMETERS = ("cursor", "limit", "fields")  # may change from page to page
BACKWARDS = ("gt", "gte")
OTHER_SIDE = {"lt": "gte", "lte": "gt", "gt": "lte", "gte": "lt"}


@dataclass(frozen=True)
class Cursor:
    """Where a page starts.

    Args:
        side: of the key, as the ORM names it.
        key: of the row that the neighbouring page ends with.
        of: tells the list and its filter from others.
    """

    side: str
    key: str
    of: str

    @property
    def is_backwards(self) -> bool:
        return self.side in BACKWARDS

    @property
    def back(self) -> "Cursor":
        """Return the cursor of all that lies on the other side."""
        return Cursor(OTHER_SIDE[self.side], self.key, self.of)

    def encoded(self) -> str:
        return urlsafe_b64encode(f"{self.of} {self.side} {self.key}".encode()).decode()


class NewestFirst:
    """Walk from the newest row to the oldest; our ids sort by time and are unique.

    Args:
        keep: returns which of some rows the list holds, in their order, where a query cannot tell; None keeps all.
    """

    ordering = "-pk"
    page_size = 25
    max_page_size = 200

    def __init__(self, keep: Callable[[list[Any]], list[Any]] | None = None) -> None:
        self._keep = keep

    def paginate_queryset(self, queryset: QuerySet[Any], request: Request, view: Any = None) -> list[Any]:
        """Return the rows of the page that the address asks for.

        Raises:
            InvalidInput: ``limit`` or ``cursor`` is not one of ours.
        """
        size = self.get_page_size(request)
        self._request = request
        self._cursor = _cursor_of(request)
        found = self._first(self._on_its_side(queryset), size + 1)
        self._goes_on, self._page = len(found) > size, found[:size]
        if self._cursor and self._cursor.is_backwards:
            self._page.reverse()
        return self._page

    def _first(self, rows: QuerySet[Any], number: int) -> list[Any]:
        if self._keep is None:
            return list(rows[:number])
        found: list[Any] = []
        onwards = "gt" if self._cursor and self._cursor.is_backwards else "lt"
        while len(found) < number and (looked_at := list(rows[:LOOKED_AT_ONCE])):
            found += self._keep(looked_at)
            rows = rows.filter(**{f"{self._name}__{onwards}": getattr(looked_at[-1], self._name)})
        return found[:number]

    @property
    def _name(self) -> str:
        return self.ordering.removeprefix("-")

    def _on_its_side(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self._cursor is None:
            return queryset.order_by(self.ordering)
        name = self._name
        field = queryset.model._meta.pk if name == "pk" else queryset.model._meta.get_field(name)
        try:
            key = field.to_python(self._cursor.key)
        except ValidationError as exc:
            raise _bad_cursor() from exc
        if isinstance(key, int) and abs(key) > MAX_NUMBER:
            raise _bad_cursor()
        rows = queryset.filter(**{f"{name}__{self._cursor.side}": key})
        return rows.order_by(name if self._cursor.is_backwards else self.ordering)

    def get_page_size(self, request: Request) -> int:
        """Return how many rows a page has.

        Raises:
            InvalidInput: ``limit`` is no number from 1 to the largest page.
        """
        text = request.query_params.get("limit")
        if text is None:
            return self.page_size
        if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= self.max_page_size:
            return int(text)
        raise InvalidInput([Fault(query_path("limit"), f"Write a whole number from 1 to {self.max_page_size}.")])

    def get_paginated_response(self, data: Sequence[Any]) -> Response:
        """Answer the documents of the page, and where its neighbours are."""
        return Response({"results": data, "next": self._link(self._older()), "previous": self._link(self._newer())})

    def _older(self) -> Cursor | None:
        cursor = self._cursor
        if not (self._goes_on or (cursor and cursor.is_backwards)):
            return None
        return self._beside(-1, "lt") if self._page else cursor and cursor.back

    def _newer(self) -> Cursor | None:
        cursor = self._cursor
        if cursor is None or (cursor.is_backwards and not self._goes_on):
            return None
        return self._beside(0, "gt") if self._page else cursor.back

    def _beside(self, place: int, side: str) -> Cursor:
        return Cursor(side, str(getattr(self._page[place], self._name)), _list_of(self._request))

    def _link(self, cursor: Cursor | None) -> str | None:
        here = self._request.build_absolute_uri()
        return replace_query_param(here, "cursor", cursor.encoded()) if cursor else None


def _list_of(request: Request) -> str:
    """Return what tells this list and its filter from others."""
    kept = sorted((name, request.query_params.getlist(name)) for name in request.query_params)
    said = repr((request.path, [item for item in kept if item[0] not in FREE_PARAMETERS]))
    return hashlib.blake2b(said.encode("utf-8", "backslashreplace"), digest_size=6).hexdigest()


def _cursor_of(request: Request) -> Cursor | None:
    encoded = request.query_params.get("cursor")
    if encoded is None:
        return None
    try:
        of, side, key = _decoded(encoded).split(" ")
    except ValueError as exc:
        raise _bad_cursor() from exc
    if side not in OTHER_SIDE or not key.isprintable():
        raise _bad_cursor()
    if of != _list_of(request):
        raise _bad_cursor("This cursor is of another list or filter; start again without it.")
    return Cursor(side, key, of)


def _decoded(encoded: str) -> str:
    if len(encoded) > MAX_CURSOR_LENGTH or not encoded.isascii():
        raise ValueError("no cursor of ours is like that")
    return urlsafe_b64decode(encoded.encode()).decode()


def _bad_cursor(message: str = "") -> InvalidInput:
    known = "This is no cursor of ours; take the whole address from 'next' or 'previous'."
    return InvalidInput([Fault(query_path("cursor"), message or known)])
