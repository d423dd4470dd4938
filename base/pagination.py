"""Lists answer ``{results, next, previous}`` and stay stable while rows are added."""

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Walk from the newest row to the oldest; our ids sort by time and are unique."""

    ordering = "-pk"
    page_size = 25
    page_size_query_param = "limit"
    max_page_size = 200
