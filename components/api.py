"""Components and pipelines over HTTP: what a pipeline may be made of, and which ones there are."""

from typing import Any

from drf_spectacular.utils import extend_schema
from pydantic import BaseModel, Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from base.documents import Timestamp
from base.pagination import NewestFirst
from base.queries import PageQuery, query_parameters, read_query
from components.configurations import configured_components, public_settings
from components.models import Pipeline as PipelineRow
from components.registry import component_types
from components.services import pipelines_visible
from users.access import Scope
from users.caller import caller_required


class ComponentType(BaseModel):
    """A kind of component. ``config_schema`` is the JSON schema of its settings."""

    name: str
    description: str
    reads: list[str] = Field(description="The keys of data that it looks at.")
    writes: list[str] = Field(description="The keys of data that it writes; the settings may decide on others.")
    config_schema: dict[str, Any]


class ConfiguredComponent(BaseModel):
    """A component with settings of its own; a pipeline names it by its id."""

    id: str
    name: str
    description: str
    type: str
    config: dict[str, Any] = Field(description="Without the settings that only staff see.")


class Components(BaseModel):
    """Everything that a step of a pipeline can name."""

    types: list[ComponentType]
    configured: list[ConfiguredComponent]


class Pipeline(BaseModel):
    """A named list of steps; a context names it by its id."""

    id: str
    name: str
    description: str
    context_type: str = Field(description="The type of context that it is meant for; empty for any.")
    is_default: bool = Field(description="Used for its type where a context names no pipeline.")
    is_shared: bool = Field(description="Every organization uses it.")
    steps: list[Any]
    created_at: Timestamp
    updated_at: Timestamp


class PipelinePage(BaseModel):
    """A page of pipelines, newest first; ``next`` and ``previous`` are addresses of pages."""

    results: list[Pipeline]
    next: str | None
    previous: str | None


class ComponentsView(APIView):
    """What a pipeline may be made of."""

    read_scope = Scope.COMPONENTS_READ

    @extend_schema(operation_id="component_list", tags=["components"], responses=Components)
    def get(self, request: Request) -> Response:
        """List the component types with the JSON schema of their settings, and the configured components."""
        return Response(Components(types=_types(), configured=_configured()).model_dump(mode="json"))


def _types() -> list[ComponentType]:
    return [
        ComponentType(
            name=name,
            description=cls.description,
            reads=sorted(cls.reads),
            writes=sorted(cls.writes),
            config_schema=cls.Config.model_json_schema(),
        )
        for name, cls in sorted(component_types().items())
    ]


def _configured() -> list[ConfiguredComponent]:
    return [
        ConfiguredComponent(
            id=row.pk, name=row.name, description=row.description, type=row.type, config=public_settings(named)
        )
        for row, named in configured_components()
    ]


class PipelinesView(APIView):
    """The named pipelines."""

    read_scope = Scope.COMPONENTS_READ

    @extend_schema(
        operation_id="pipeline_list",
        tags=["components"],
        responses=PipelinePage,
        parameters=query_parameters(PageQuery),
    )
    def get(self, request: Request) -> Response:
        """List the pipelines that can be named: your own and the shared ones, newest first."""
        read_query(PageQuery, request.query_params)
        paginator = NewestFirst()
        page = (
            paginator.paginate_queryset(pipelines_visible(caller_required(request).organization_id), request, view=self)
            or []
        )
        return paginator.get_paginated_response([_pipeline(row) for row in page])


def _pipeline(row: PipelineRow) -> dict[str, Any]:
    return Pipeline(
        id=row.pk,
        name=row.name,
        description=row.description,
        context_type=row.context_type,
        is_default=row.is_default,
        is_shared=row.organization_id is None,
        steps=row.steps,
        created_at=row.created_at,
        updated_at=row.updated_at,
    ).model_dump(mode="json")
