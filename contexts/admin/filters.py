"""Filters of the lists about work; each reads small tables or an index, none counts."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter, TextFilter
from unfold.utils import parse_date_str

from base.ids import first_id_at
from components.explanations import EXPLANATIONS, explain
from components.models import Component, Pipeline
from components.registry import component_types
from contexts.selectors import CLOCK_SLACK
from contexts.states import VISIBLE
from templates_app.models import Template
from users.models import Organization, OwnedOrShared
from users.scoped_admin import organization_of

ALL_OPEN = "open"


class Meant(DropdownFilter):
    """A filter of the list of contexts. It only offers; `contexts.bulk.selection` says what the whole address means.

    So the list shows what an operation on all of it would reach, and is read along the index that leaves fewest rows.
    """

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset

    def asked(self, request: HttpRequest) -> set[str]:
        """Return what the address asks for, so that it is offered whether it is known or not."""
        return {request.GET.get(str(self.parameter_name), "")} - {""}


class StatusFilter(Meant):
    """One status, or all that are not finished."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        return [(ALL_OPEN, "Not finished"), *((status.value, status.value.capitalize()) for status in VISIBLE)]


class TypeFilter(Meant):
    """A type that a template or a pipeline serves: the distinct types of all contexts would read all of them."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        known = set(_usable(request, Template).values_list("type", flat=True))
        known |= set(_usable(request, Pipeline).values_list("context_type", flat=True))
        return [(name, name) for name in sorted((known | self.asked(request)) - {""})]


class PipelineFilter(Meant):
    """A named pipeline; a context that brought its own steps has none."""

    title = "pipeline"
    parameter_name = "pipeline"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        return _named(_usable(request, Pipeline), self.asked(request))


class TemplateFilter(Meant):
    """The template that was chosen."""

    title = "template"
    parameter_name = "template"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        return _named(_usable(request, Template), self.asked(request))


class ErrorFilter(Meant):
    """The kind of the error that a context failed with."""

    title = "error"
    parameter_name = "error"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        known = {kind: explain(kind, retryable=False).short for kind in EXPLANATIONS}
        unknown = {kind: kind for kind in self.asked(request) - set(known)}
        return sorted((known | unknown).items(), key=lambda item: item[1])


class ComponentFilter(Meant):
    """The step that failed, by the name that a pipeline calls it."""

    title = "component that failed"
    parameter_name = "component"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        named = set(Component.objects.values_list("pk", flat=True))
        return [(name, name) for name in sorted({*component_types(), *named, *self.asked(request)})]


def _usable(request: HttpRequest, model: type[OwnedOrShared]) -> QuerySet[Any]:
    """Return the rows that a person's organization may use."""
    own, rows = organization_of(request), model._default_manager.all()
    return rows if own is None else rows.filter(Q(organization_id=own) | Q(organization_id=None))


def _named(rows: QuerySet[Any], asked: set[str]) -> list[tuple[str, str]]:
    names: dict[str, str] = {key: key for key in asked} | dict(rows.values_list("pk", "name"))
    return sorted(names.items(), key=lambda item: item[1].lower())


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


class ContextOrganizationFilter(OrganizationFilter):
    """An organization; see `Meant`."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset


class BatchFilter(TextFilter):
    """The batch of this id; a list of all batches would be long."""

    title = "batch (its id)"
    parameter_name = "batch"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset  # see `Meant`


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


class ContextCreatedFilter(CreatedFilter):
    """Days; see `Meant`."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset


class BatchCreatedFilter(CreatedFilter):
    prefix = "batch"
