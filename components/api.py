"""Components and pipelines over HTTP: what a pipeline may be made of, and which ones there are."""

from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from drf_spectacular.utils import extend_schema
from pydantic import BaseModel, Field, RootModel, create_model
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from base.clock import to_iso
from base.documents import Timestamp
from base.pagination import NewestFirst
from base.queries import PageQuery, query_parameters, read_query
from components.configurations import configured_components, public_settings
from components.contract import Component
from components.models import Pipeline as PipelineRow
from components.public_config import BUILTIN_TYPES, PUBLIC_CONFIGS, kind_of
from components.registry import component_types
from components.services import pipelines_visible
from components.steps import Steps
from users.access import Scope
from users.caller import caller_required


class ComponentType(BaseModel):
    """A kind of component. ``config_schema`` is the JSON schema of its settings."""

    name: str
    description: str
    reads: list[str] = Field(description="The keys of data that it looks at.")
    writes: list[str] = Field(description="The keys of data that it writes; the settings may decide on others.")
    config_schema: dict[str, Any]


class _Configured(BaseModel):
    id: str
    name: str
    description: str


def _configured_of(cls: type[Component[Any]]) -> type[BaseModel]:
    """Return the shape of a configured component of a built-in type."""
    config = Field(description="Without the settings that only staff see.")
    fields: dict[str, Any] = {"type": Literal[cls.name], "config": (PUBLIC_CONFIGS[cls.name], config)}
    return create_model(
        f"Configured{kind_of(cls)}",
        __base__=_Configured,
        __doc__=f"A {cls.name} with settings of its own.",
        __module__=__name__,
        **fields,
    )


_BUILTIN_CONFIGURED: Any = reduce(or_, [_configured_of(cls) for cls in BUILTIN_TYPES])


class ConfiguredBuiltin(RootModel[Annotated[_BUILTIN_CONFIGURED, Field(discriminator="type")]]):
    """A configured component of a type that every installation has."""


class ConfiguredCustom(_Configured):
    """A configured component of a type that came with a package."""

    type: str = Field(json_schema_extra={"not": {"enum": [cls.name for cls in BUILTIN_TYPES]}})
    config: dict[str, Any] = Field(description="Without the settings that only staff see; `types` tells the others.")


class ConfiguredComponent(RootModel[ConfiguredBuiltin | ConfiguredCustom]):
    """A component with settings of its own; a pipeline names it by its id."""


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
    steps: Steps
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
        return Response({"types": _types(), "configured": _configured()})


def _types() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "description": cls.description,
            "reads": sorted(cls.reads),
            "writes": sorted(cls.writes),
            "config_schema": cls.Config.model_json_schema(),
        }
        for name, cls in sorted(component_types().items())
    ]


def _configured() -> list[dict[str, Any]]:
    return [
        {
            "id": row.pk,
            "name": row.name,
            "description": row.description,
            "type": row.type,
            "config": public_settings(named),
        }
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
    # what is stored is answered as it is: a package's update may have made it invalid
    return {
        "id": row.pk,
        "name": row.name,
        "description": row.description,
        "context_type": row.context_type,
        "is_default": row.is_default,
        "is_shared": row.organization_id is None,
        "steps": row.steps,
        "created_at": to_iso(row.created_at),
        "updated_at": to_iso(row.updated_at),
    }
