"""Lists answer ``{results, next, previous}`` and stay stable while rows are added."""

from base64 import b64decode

from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

from base.problems import Fault, InvalidInput
from base.queries import query_path

MAX_POSITION_LENGTH = 200


class NewestFirst(CursorPagination):
    """Walk from the newest row to the oldest; our ids sort by time and are unique."""

    ordering = "-pk"
    page_size = 25
    page_size_query_param = "limit"
    max_page_size = 200

    def get_page_size(self, request: Request) -> int:
        """Return how many rows a page has.

        Raises:
            InvalidInput: ``limit`` is no number from 1 to the largest page; DRF would overlook that.
        """
        text = request.query_params.get("limit")
        if text is None:
            return self.page_size
        if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= self.max_page_size:
            return int(text)
        raise InvalidInput([Fault(query_path("limit"), f"Write a whole number from 1 to {self.max_page_size}.")])

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Read the cursor of a page's address.

        Raises:
            InvalidInput: it is none of ours; DRF would answer 404.
        """
        encoded = request.query_params.get("cursor")
        if encoded is None:
            return None
        try:
            b64decode(encoded, validate=True)  # DRF would skip what is no base64
            cursor = super().decode_cursor(request)
        except (NotFound, ValueError) as exc:
            raise _bad_cursor() from exc
        position = str(cursor.position or "") if cursor else ""
        if not encoded or len(position) > MAX_POSITION_LENGTH or not position.isprintable():
            raise _bad_cursor()
        return cursor


def _bad_cursor() -> InvalidInput:
    message = "This is no cursor of ours; take the whole address from 'next' or 'previous'."
    return InvalidInput([Fault(query_path("cursor"), message)])
