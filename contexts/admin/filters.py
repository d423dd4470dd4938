"""Filters of the lists about work; each reads small tables or an index, none counts."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter, TextFilter
from unfold.utils import parse_date_str

from base.ids import first_id_at
from components.models import Pipeline
from contexts.selectors import CLOCK_SLACK, with_status_in_batch
from contexts.states import OPEN, VISIBLE
from templates_app.models import Template
from users.models import Organization
from users.scoped_admin import organization_of

ALL_OPEN = "open"


class StatusFilter(DropdownFilter):
    """One status, or all that are not finished."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        return [(ALL_OPEN, "Not finished"), *((status.value, status.value.capitalize()) for status in VISIBLE)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        wanted = list(OPEN) if value == ALL_OPEN else [value]
        if request.GET.get(BatchFilter.parameter_name):
            return with_status_in_batch(queryset, wanted)
        return queryset.filter(status__in=wanted)


class TypeFilter(DropdownFilter):
    """A type that a template or a pipeline serves: the distinct types of all contexts would read all of them."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        own = organization_of(request)
        templates, pipelines = Template.objects.all(), Pipeline.objects.all()
        if own is not None:
            templates = templates.filter(organization_id=own) | templates.filter(organization_id=None)
            pipelines = pipelines.filter(organization_id=own) | pipelines.filter(organization_id=None)
        known = set(templates.values_list("type", flat=True)) | set(pipelines.values_list("context_type", flat=True))
        asked = request.GET.get(self.parameter_name, "")
        return [(name, name) for name in sorted({*known, asked} - {""})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(type=self.value()) if self.value() else queryset


class OrganizationFilter(DropdownFilter):
    """An organization; not there for staff who belong to one."""

    title = "organization"
    parameter_name = "organization"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        if organization_of(request) is not None:
            return []
        return list(Organization.objects.order_by("name").values_list("pk", "name"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(organization_id=self.value()) if self.value() else queryset


class BatchFilter(TextFilter):
    """The batch of this id; a list of all batches would be long."""

    title = "batch (its id)"
    parameter_name = "batch"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = (self.value() or "").strip()
        return queryset.filter(batch_id=value) if value else queryset


class CreatedFilter(RangeDateFilter):
    """Days, in UTC, both included. The id bounds the search, because the time of creation has no index."""

    prefix = "ctx"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if start := self._day("from"):
            first = first_id_at(self.prefix, start, shift=-CLOCK_SLACK)
            queryset = queryset.filter(created_at__gte=start, pk__gte=first)
        if last := self._day("to"):
            end = last + timedelta(days=1)
            queryset = queryset.filter(created_at__lt=end, pk__lt=first_id_at(self.prefix, end, shift=CLOCK_SLACK))
        return queryset

    def _day(self, which: str) -> datetime | None:
        found: date | None = parse_date_str(self.used_parameters.get(f"{self.parameter_name}_{which}"))
        if found is None or not 1971 <= found.year <= 9000:  # outside of what an id can tell
            return None
        return datetime(found.year, found.month, found.day, tzinfo=UTC)


class BatchCreatedFilter(CreatedFilter):
    prefix = "batch"
