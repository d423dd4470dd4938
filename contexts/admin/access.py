"""What the pages about work have in common: nobody adds, edits or removes rows, and nothing counts whole tables."""

from typing import Any

from django.contrib.admin import ShowFacets
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote, unquote
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from django.urls import NoReverseMatch, reverse
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator
from unfold.views import ChangeList

from users.scoped_admin import organization_of

BEFORE, AFTER = "before", "after"  # the ids that a page begins next to, in its address


class Keysets(InfinitePaginator):
    """Pages that begin next to an id: the thousandth costs what the first does, and nobody counts rows."""

    template_name = "contexts/admin/pages.html"


class NewestFirst(ChangeList):
    """A list in the order of the primary key, whatever an address asks for: no other order has an index.

    A page holds what comes before or after an id. What is submitted meanwhile moves nothing to another page.
    """

    result_list: Any
    before = after = ""
    older = newer = ""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str]:
        return ["-pk"]

    def get_filters_params(self, params: Any = None) -> Any:
        found = super().get_filters_params(params)
        for name in (BEFORE, AFTER):
            found.pop(name, None)
        return found

    def apply_select_related(self, qs: QuerySet[Any]) -> QuerySet[Any]:
        """Read the rows that a page refers to with one more query: MongoDB would join all rows, then sort them."""
        return qs.prefetch_related(*self.list_select_related) if self.list_select_related else qs

    def get_results(self, request: HttpRequest) -> None:
        self.before, self.after = request.GET.get(BEFORE, ""), request.GET.get(AFTER, "")
        rows, more = self.rows_of_page()
        first, last = (rows[0].pk, rows[-1].pk) if rows else ("", "")
        came_back = bool(self.after)
        self.newer = first if (more if came_back else bool(self.before)) else ""
        self.older = last if (came_back or more) else ""
        self.result_list = rows
        self.paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        self.result_count = self.full_result_count = len(rows)  # told alike, no page says how many there are
        self.show_full_result_count = self.can_show_all = self.multi_page = False
        self.show_admin_actions = True

    def rows_of_page(self) -> tuple[list[Any], bool]:
        """Return the rows of the page, the newest first, and whether there are more in the direction of going."""
        found = list(self.in_direction(self.queryset)[: self.list_per_page + 1])
        rows = found[: self.list_per_page]
        return rows[::-1] if self.after else rows, len(found) > len(rows)

    def in_direction(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what lies beyond the id of the address, the nearest first."""
        if self.after:
            return rows.filter(pk__gt=self.after).order_by("pk")
        return rows.filter(pk__lt=self.before) if self.before else rows

    def older_url(self) -> str:
        return self.get_query_string({BEFORE: self.older}, [AFTER]) if self.older else ""

    def newer_url(self) -> str:
        return self.get_query_string({AFTER: self.newer}, [BEFORE]) if self.newer else ""

    def newest_url(self) -> str:
        return self.get_query_string({}, [AFTER, BEFORE]) if self.before or self.after else ""


class WatchedAdmin(ModelAdmin):
    """Rows that the engine writes and people watch. Staff of one organization see its rows only."""

    paginator = Keysets
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    sortable_by = ()
    list_per_page = 50
    list_disable_select_all = True
    list_fullwidth = True

    class Media:
        css = {"all": ("contexts/admin.css",)}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return NewestFirst

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        own = organization_of(request)
        return rows if own is None else self.owned(request, rows, own)

    def owned(self, request: HttpRequest, rows: QuerySet[Any], organization_id: str) -> QuerySet[Any]:
        """Keep the rows of one organization."""
        return rows.filter(organization_id=organization_id)

    def get_paginator(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any) -> Paginator:
        if queryset.model is LogEntry:  # one row's history is short, and its page tells how many entries there are
            return Paginator(queryset, *args, **kwargs)
        found: Paginator = super().get_paginator(request, queryset, *args, **kwargs)
        return found

    def get_list_display(self, request: HttpRequest) -> list[str]:
        shown = super().get_list_display(request)
        return [name for name in shown if name != "organization" or organization_of(request) is None]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def row_or_404(self, request: HttpRequest, object_id: str) -> Any:
        """Return the row of an address.

        Raises:
            Http404: there is none, or it is another organization's.
        """
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404(f"There is no {self.opts.verbose_name} {unquote(object_id)!r}.")
        return row

    def row_url(self, page: str, row: Model) -> str:
        """Return the address of a page about one row."""
        return reverse(
            f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{page}", args=[quote(row.pk)]
        )


class InstallationAdmin(WatchedAdmin):
    """Rows about the whole installation: read only, and for staff of Draftline; hosts are nobody else's business."""

    list_display_links = None
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model._default_manager.all()  # they belong to no organization
        return rows

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return organization_of(request) is None and bool(super().has_view_permission(request, obj))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return organization_of(request) is None and bool(super().has_module_permission(request))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def admin_url(page: str, key: str | None) -> str:
    """Return the address of another admin page about the row ``key``; empty where there is no such page."""
    if not key:
        return ""
    try:
        return reverse(f"admin:{page}", args=[quote(key)])
    except NoReverseMatch:
        return ""
