"""Templates over HTTP: reading them."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from pydantic import BaseModel, Field, RootModel
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from base.clock import to_iso
from base.documents import Timestamp
from base.etags import tag_of
from base.pagination import NewestFirst
from base.queries import PageQuery, query_parameters, read_query
from base.sparse import PARAMETER, Fields, fields_parameter, fields_wanted, part_of, sparse, wants
from templates_app.models import Template, TemplateVersion
from templates_app.selectors import (
    author_names,
    drafted_ids,
    live_versions,
    published_versions,
    template_get,
    templates_visible,
)
from templates_app.structure import Structure
from users.access import Scope
from users.caller import caller_required


class ContentTemplate(BaseModel):
    """A template with the text of its live version."""

    id: str
    name: str
    description: str
    type: str = Field(description="The type of context that it serves.")
    tone: str = Field(description="Empty: any tone.")
    audience: str = Field(description="Empty: any audience.")
    tags: list[str]
    is_default: bool = Field(description="Serves its type where no other template fits.")
    is_active: bool
    organization_id: str | None = Field(description="Null: every organization uses it.")
    version: int | None = Field(description="The live version's number; null before the first is published.")
    structure: Structure | None = Field(description="The live version's text; null before the first is published.")
    has_draft: bool
    created_at: Timestamp
    updated_at: Timestamp


ContentTemplatePart = part_of(ContentTemplate)


class ContentTemplateOrPart(RootModel[ContentTemplate | ContentTemplatePart]):  # type: ignore[valid-type]
    """The template, or what `fields` named of it."""


class ContentTemplatePage(BaseModel):
    """A page of templates, the newest id first; ``next`` and ``previous`` are addresses of pages."""

    results: list[ContentTemplate | ContentTemplatePart]  # type: ignore[valid-type]
    next: str | None
    previous: str | None


class ContentTemplateVersion(BaseModel):
    """A version that was published, or the draft."""

    id: str
    template_id: str
    number: int
    structure: Structure
    note: str = Field(description="What its author said about it.")
    author: str | None = Field(description="The name of the person who wrote it.")
    created_at: Timestamp
    published_at: Timestamp | None = Field(description="Null: it is a draft.")


class ContentTemplateVersionPage(BaseModel):
    """A page of versions, the highest number first."""

    results: list[ContentTemplateVersion]
    next: str | None
    previous: str | None


class TemplateQuery(PageQuery):
    """What the list can be narrowed by."""

    type: str = Field(default="", description="Only templates for contexts of this type.")
    tone: str | None = Field(default=None, description="Only templates of this very tone; empty: of any tone.")
    audience: str | None = Field(default=None, description="Only templates for this very audience; empty: for any.")
    active: bool | None = Field(default=None, description="Only templates that are, or are not, in use.")
    q: str = Field(default="", max_length=200, description="Only templates whose name contains this.")


class HighestNumberFirst(NewestFirst):
    """Walk from the newest version to the oldest; their ids do not sort (v9, v10)."""

    ordering = "-number"


class TemplateListView(APIView):
    """The templates that the caller's contexts may be written by."""

    read_scope = Scope.TEMPLATES_READ

    @extend_schema(
        operation_id="templates_list",
        responses=ContentTemplatePage,
        parameters=[*query_parameters(TemplateQuery), fields_parameter(ContentTemplate)],
    )
    def get(self, request: Request) -> Response:
        """List the organization's own templates and the shared ones."""
        fields = fields_wanted(request.query_params, ContentTemplate)
        query = read_query(TemplateQuery, request.query_params, besides=[PARAMETER])
        rows = _filtered(templates_visible(caller_required(request).organization_id), query)
        paginator = NewestFirst()
        page = paginator.paginate_queryset(rows, request, view=self) or []
        return paginator.get_paginated_response(template_documents(page, fields))


class TemplateDetailView(APIView):
    """One template."""

    read_scope = Scope.TEMPLATES_READ

    @extend_schema(
        operation_id="templates_get", parameters=[fields_parameter(ContentTemplate)], responses=ContentTemplateOrPart
    )
    def get(self, request: Request, id: str) -> Response:
        """Return a template with its live version."""
        fields = fields_wanted(request.query_params, ContentTemplate)
        template = template_get(id, caller_required(request).organization_id)
        document = template_documents([template], fields)[0]
        return Response(document, headers={"ETag": tag_of(document)})


class TemplateVersionListView(APIView):
    """The history of a template."""

    read_scope = Scope.TEMPLATES_READ

    @extend_schema(
        operation_id="templates_versions_list",
        responses=ContentTemplateVersionPage,
        parameters=query_parameters(PageQuery),
    )
    def get(self, request: Request, id: str) -> Response:
        """List what was published; with the scope ``templates:write`` the draft too."""
        read_query(PageQuery, request.query_params)
        caller = caller_required(request)
        template = template_get(id, caller.organization_id)
        rows = published_versions(template.pk)
        if Scope.TEMPLATES_WRITE in caller.scopes:
            rows = TemplateVersion.objects.filter(template_id=template.pk)
        paginator = HighestNumberFirst()
        page = paginator.paginate_queryset(rows, request, view=self) or []
        return paginator.get_paginated_response(version_documents(page, caller.organization_id))


def template_documents(templates: list[Template], fields: Fields = None) -> list[dict[str, Any]]:
    """Return templates as the API shows them, or these keys of them: two queries for all their versions."""
    ids = [template.pk for template in templates]
    with_text = wants(fields, "structure")
    live = live_versions(ids, with_text=with_text)
    drafted = drafted_ids(ids)
    whole = [_template_document(row, live.get(row.pk), row.pk in drafted, with_text=with_text) for row in templates]
    return [sparse(document, fields) for document in whole]


def _template_document(
    template: Template, live: TemplateVersion | None, has_draft: bool, *, with_text: bool
) -> dict[str, Any]:
    document = ContentTemplate(
        id=template.pk,
        name=template.name,
        description=template.description,
        type=template.type,
        tone=template.tone,
        audience=template.audience,
        tags=template.tags,
        is_default=template.is_default,
        is_active=template.is_active,
        organization_id=template.organization_id,
        version=live.number if live else None,
        structure=None,
        has_draft=has_draft,
        created_at=template.created_at,
        updated_at=template.updated_at,
    ).model_dump(mode="json")
    # as it is stored: keys that the editor left empty are absent, as in the user's own documents
    return {**document, "structure": live.structure if live and with_text else None}


def version_documents(versions: list[TemplateVersion], organization_id: str | None) -> list[dict[str, Any]]:
    """Return versions as the API shows them to an organization: one query for all their authors."""
    names = author_names(versions, organization_id)
    return [
        {
            "id": version.pk,
            "template_id": version.template_id,
            "number": version.number,
            "structure": version.structure,
            "note": version.note,
            "author": names.get(version.author_id or ""),
            "created_at": to_iso(version.created_at),
            "published_at": to_iso(version.published_at) if version.published_at else None,
        }
        for version in versions
    ]


def _filtered(rows: QuerySet[Template], query: TemplateQuery) -> QuerySet[Template]:
    asked = {"tone": query.tone, "audience": query.audience, "is_active": query.active, "type": query.type or None}
    rows = rows.filter(**{name: value for name, value in asked.items() if value is not None})
    return rows.filter(name__icontains=query.q.strip()) if query.q.strip() else rows
