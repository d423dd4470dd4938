"""The list of contexts, at any size: filters and search read as one selection, pages that begin next to an id."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from base.problems import InvalidInput
from contexts.admin.access import NewestFirst
from contexts.admin.bulk_form import selection_of
from contexts.bulk.selection import Selection
from contexts.models import Context
from contexts.searching import search_of
from users.scoped_admin import organization_of

# What no index leads to is looked for among so many contexts for each page, the nearest first.
LOOKED_AT = 10_000
NOT_SHOWN = ("data", "metadata", "step_runs", "moves")  # it may be megabytes a row


class ContextList(NewestFirst):
    """A page of contexts, read along an index.

    Attributes:
        looked_back_to: how far a wide search has looked; None where it has looked at all there is.
        words: which contexts are meant; empty for all that the person may see.
    """

    words: Sequence[str] = ()
    looked_back_to: datetime | None = None
    _wide: Q | None = None
    _edge: Context | None = None

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[Context]:
        own = organization_of(request)
        try:
            selection = selection_of(request.GET, own)
        except InvalidInput:  # no filter is that long
            return Context.objects.none()
        self.words = (selection.model_copy(update={"organization_id": None}) if own else selection).words()
        is_wide = _is_wide(selection)
        indexed = selection.model_copy(update={"type": ""}) if is_wide else selection
        self.root_queryset = indexed.listed()
        rows: QuerySet[Context] = super().get_queryset(request, *args, **kwargs).defer(*NOT_SHOWN)
        match = Q(type=selection.type) if is_wide else Q()
        if selection.text:
            search = search_of(selection.text, selection.organization_id)
            match, is_wide = match & search.match, search.is_wide
        if is_wide:
            self._wide = match
            return rows
        return rows.filter(match)

    def rows_of_page(self) -> tuple[list[Any], bool]:
        if self._wide is None:
            return super().rows_of_page()
        near = self.in_direction(self.queryset)
        edges = list(near[LOOKED_AT - 1 : LOOKED_AT])
        if edges:
            edge = edges[0]
            near = near.filter(pk__lte=edge.pk) if self.after else near.filter(pk__gte=edge.pk)
        found = list(near.filter(self._wide)[: self.list_per_page + 1])
        rows = found[: self.list_per_page]
        more = len(found) > len(rows)
        if edges and not more:
            self._edge = edges[0]
            self.looked_back_to = None if self.after else self._edge.created_at
        return rows[::-1] if self.after else rows, more

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if self._edge is None:
            return
        if self.after:
            self.newer = self._edge.pk
        else:
            self.older = self._edge.pk


def _is_wide(selection: Selection) -> bool:
    """Tell whether a type is asked for that no index leads to: an organization's has one, beside no status."""
    narrow = ("batch_id", "error", "component", "template_id", "pipeline_id")
    if not selection.type or any(getattr(selection, name) for name in narrow):
        return False
    return bool(selection.status) or selection.organization_id is None
