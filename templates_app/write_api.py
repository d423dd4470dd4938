"""Templates over HTTP: making and changing them. Reading stands in api.py."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from base.etags import if_match_header, require_match, tag_of, wants_match
from base.openapi import problems
from base.problems import Conflict, InvalidInput, NotFound, PreconditionFailed
from base.validation import read_model
from templates_app.api import (
    ContentTemplate,
    ContentTemplateVersion,
    TemplateDetailView,
    TemplateListView,
    template_documents,
    version_documents,
)
from templates_app.models import Template, TemplateVersion
from templates_app.selectors import draft_of, template_get
from templates_app.services import (
    draft_discard,
    draft_publish,
    draft_save,
    template_change,
    template_create,
    template_roll_back,
)
from templates_app.wishes import (
    MAX_NUMBER,
    DraftWish,
    PublishWish,
    RollBackWish,
    TemplatePatch,
    TemplateWish,
    template_patched,
)
from users.access import Scope
from users.caller import caller_required
from users.creating import created, creating_headers, idempotency
from users.models import User

MAX_BODY_BYTES = 2 * 1024 * 1024


class TemplatesView(TemplateListView):
    """The templates that the caller's contexts may be written by, and one more."""

    write_scope = Scope.TEMPLATES_WRITE
    max_body_bytes = MAX_BODY_BYTES

    @extend_schema(
        operation_id="templates_create",
        parameters=creating_headers(),
        request=TemplateWish,
        responses={201: ContentTemplate, **problems(409, 422)},
    )
    def post(self, request: Request) -> Response:
        """Make a template without a text. It serves nobody until a version of it is published."""
        owner = caller_required(request).organization_id
        wish = read_model(TemplateWish, request.data)
        key = idempotency(request, organization_id=owner, route="templates", body=request.data)
        row = Template(organization_id=owner, **wish.model_dump())
        template, is_new = template_create(row, idempotency=key)
        return created(_document(template), location=f"/api/templates/{template.pk}", is_new=is_new)


class TemplateView(TemplateDetailView):
    """One template."""

    write_scope = Scope.TEMPLATES_WRITE
    max_body_bytes = MAX_BODY_BYTES

    @extend_schema(
        operation_id="templates_change",
        parameters=[if_match_header()],
        request=TemplatePatch,
        responses={200: ContentTemplate, **problems(409, 412)},
    )
    def patch(self, request: Request, id: str) -> Response:
        """Change what a template is for, by a merge patch; its text changes by a draft."""
        template = _to_change(request, id)
        require_match(request, tag_of(_document(template)))
        changes = template_patched(template, request.data)
        if changes:
            _or_precondition(request, lambda: template_change(template, changes))
        return _tagged(_document(template))


class DraftView(APIView):
    """The text that a template's next version will have."""

    read_scope = Scope.TEMPLATES_WRITE
    write_scope = Scope.TEMPLATES_WRITE
    max_body_bytes = MAX_BODY_BYTES

    @extend_schema(operation_id="templates_draft_get", responses=ContentTemplateVersion)
    def get(self, request: Request, id: str) -> Response:
        """Return the draft, 404 where there is none."""
        template = template_get(id, caller_required(request).organization_id)
        return _tagged(_version_document(request, _draft_required(template)))

    @extend_schema(
        operation_id="templates_draft_put",
        parameters=[if_match_header()],
        request=DraftWish,
        responses={200: ContentTemplateVersion, **problems(409, 412)},
    )
    def put(self, request: Request, id: str) -> Response:
        """Write the draft: a new one, or in place of the one there is."""
        template = _to_change(request, id)
        wish = read_model(DraftWish, request.data)
        seen = _draft_seen(request, template)
        saved = _or_precondition(
            request,
            lambda: draft_save(
                template, structure=wish.structure.document(), note=wish.note, author=_author(request), seen=seen
            ),
        )
        return _tagged(_version_document(request, saved))

    @extend_schema(
        operation_id="templates_draft_delete", parameters=[if_match_header()], responses={204: None, **problems(412)}
    )
    def delete(self, request: Request, id: str) -> Response:
        """Throw the draft away; what is live stays. Without a draft nothing happens."""
        template = _to_change(request, id)
        seen = _draft_seen(request, template)
        _or_precondition(request, lambda: draft_discard(template, seen=seen))
        return Response(status=204)


class PublishView(APIView):
    """Makes the draft the live version."""

    write_scope = Scope.TEMPLATES_WRITE
    max_body_bytes = MAX_BODY_BYTES

    @extend_schema(
        operation_id="templates_publish",
        parameters=[if_match_header()],
        request=PublishWish,
        responses={200: ContentTemplateVersion, **problems(409, 412)},
    )
    def post(self, request: Request, id: str) -> Response:
        """Publish the draft. Workers use it within a second; contexts that have begun keep the version they have."""
        template = _to_change(request, id)
        wish = read_model(PublishWish, request.data)
        draft = _draft_seen(request, template) or draft_of(template.pk)
        if draft is None:
            raise Conflict(f"{template.pk} has no draft; PUT one to /api/templates/{template.pk}/draft first.")
        return Response(
            _version_document(request, _or_precondition(request, lambda: _publish(request, draft, wish.note)))
        )


class RollBackView(APIView):
    """Makes an old text live again."""

    write_scope = Scope.TEMPLATES_WRITE
    max_body_bytes = MAX_BODY_BYTES

    @extend_schema(
        operation_id="templates_roll_back",
        parameters=[if_match_header()],
        request=RollBackWish,
        responses={200: ContentTemplateVersion, **problems(409, 412)},
    )
    def post(self, request: Request, id: str) -> Response:
        """Publish a copy of an old version under a new number. A draft stays as it is."""
        template = _to_change(request, id)
        wish = read_model(RollBackWish, request.data)
        require_match(request, tag_of(_document(template)))
        version = template_roll_back(template, number=wish.version, note=wish.note, author=_author(request))
        return Response(_version_document(request, version))


class VersionView(APIView):
    """One version of a template."""

    read_scope = Scope.TEMPLATES_READ

    @extend_schema(operation_id="templates_version_get", responses=ContentTemplateVersion)
    def get(self, request: Request, id: str, number: int) -> Response:
        """Return a version that was published; with the scope ``templates:write`` the draft too."""
        caller = caller_required(request)
        template = template_get(id, caller.organization_id)
        version = TemplateVersion.objects.filter(template_id=template.pk, number=min(number, MAX_NUMBER)).first()
        if version is None or not (version.is_published or Scope.TEMPLATES_WRITE in caller.scopes):
            raise NotFound(f"There is no version {number} of {template.pk!r}.")
        return _tagged(_version_document(request, version))


def _to_change(request: Request, template_id: str) -> Template:
    caller = caller_required(request)
    template = template_get(template_id, caller.organization_id)
    if caller.organization_id not in (None, template.organization_id):
        raise PermissionDenied("All organizations use this template; only staff may change it. Make one of your own.")
    return template


def _draft_required(template: Template) -> TemplateVersion:
    draft = draft_of(template.pk)
    if draft is None:
        raise NotFound(f"{template.pk} has no draft.")
    return draft


def _draft_seen(request: Request, template: Template) -> TemplateVersion | None:
    """Return the draft that If-Match names; None without the header."""
    if not wants_match(request):
        return None
    draft = draft_of(template.pk)
    require_match(request, tag_of(_version_document(request, draft)) if draft else None)
    return draft


def _or_precondition(request: Request, change: Any) -> Any:
    """Tell who named the state that it wants to change that this failed, not the wish."""
    try:
        return change()
    except Conflict as exc:
        if wants_match(request):
            raise PreconditionFailed(exc.detail) from exc
        raise


def _publish(request: Request, draft: TemplateVersion, note: str | None) -> TemplateVersion:
    try:
        return draft_publish(draft, note=note, author=_author(request))
    except InvalidInput as exc:
        raise InvalidInput([fault.under("/structure") for fault in exc.errors]) from exc


def _author(request: Request) -> User | None:
    return request.user if isinstance(request.user, User) else None


def _document(template: Template) -> dict[str, Any]:
    return template_documents([template])[0]


def _version_document(request: Request, version: TemplateVersion) -> dict[str, Any]:
    return version_documents([version], caller_required(request).organization_id)[0]


def _tagged(document: dict[str, Any]) -> Response:
    return Response(document, headers={"ETag": tag_of(document)})
