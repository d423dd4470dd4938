"""The media library over HTTP."""

import hashlib
from typing import Annotated, Any, BinaryIO, cast
from urllib.parse import urljoin

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, QueryDict
from django.utils.datastructures import MultiValueDict
from drf_spectacular.utils import extend_schema
from pydantic import BaseModel, ConfigDict, Field, RootModel, WithJsonSchema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from base.documents import Timestamp
from base.openapi import problems
from base.pagination import NewestFirst
from base.problems import Fault, InvalidInput, pointer
from base.queries import PageQuery, query_parameters, read_query
from base.sparse import PARAMETER, fields_parameter, fields_wanted, part_of, sparse
from media_app.models import Asset
from media_app.search import tags_split
from media_app.selectors import asset_get, asset_thumbnail_url, asset_url, assets_filter, assets_visible
from media_app.services import asset_ingest
from media_app.uploads import BoundedUploadHandler
from users.access import Scope
from users.caller import Caller, caller_required
from users.creating import created, creating_headers, idempotency
from users.models import Organization, User

Binary = Annotated[bytes, WithJsonSchema({"type": "string", "format": "binary"})]

_FORM_KEYS = ("title", "alt", "tags")


class MediaAsset(BaseModel):
    """An image of the library. ``url`` is what a reader's browser loads."""

    id: str
    url: str
    thumbnail_url: str
    title: str
    alt: str
    tags: list[str]
    content_type: str
    size_bytes: int
    width: int
    height: int
    created_at: Timestamp


MediaAssetPart = part_of(MediaAsset)


class MediaAssetOrPart(RootModel[MediaAsset | MediaAssetPart]):  # type: ignore[valid-type]
    """The image, or what `fields` named of it."""


class MediaAssetPage(BaseModel):
    """A page of images, newest first; ``next`` and ``previous`` are addresses of pages."""

    results: list[MediaAsset | MediaAssetPart]  # type: ignore[valid-type]
    next: str | None
    previous: str | None


class MediaQuery(PageQuery):
    """What the list can be narrowed by."""

    tag: list[str] = Field(default=[], description="Only images with this tag; repeat it for several.")
    q: str = Field(default="", description="Only images whose title, alt text or tags hold these words.")


class MediaUpload(BaseModel):
    """A form with the image and what is said about it."""

    model_config = ConfigDict(extra="forbid")

    file: Binary = Field(description="PNG, JPEG, WebP or GIF.")
    title: str = Field(max_length=200, pattern=r"\S")
    alt: str = Field(default="", max_length=500, description="What a reader who cannot see it is told.")
    tags: str = Field(
        default="",
        pattern=r"^[^|,]{0,50}(,[^|,]{0,50}){0,29}$",
        description="At most 30, separated by commas; the field may also be repeated.",
    )


def media_document(asset: Asset, request: Request) -> dict[str, Any]:
    """Return an asset as the API shows it, with whole addresses."""
    here = request.build_absolute_uri("/")
    return MediaAsset(
        id=asset.pk,
        url=urljoin(here, asset_url(asset)),
        thumbnail_url=urljoin(here, asset_thumbnail_url(asset)),
        title=asset.title,
        alt=asset.alt,
        tags=asset.tags,
        content_type=asset.content_type,
        size_bytes=asset.size_bytes,
        width=asset.width,
        height=asset.height,
        created_at=asset.created_at,
    ).model_dump(mode="json")


class MediaListView(APIView):
    """The library: what there is, and one more."""

    read_scope = Scope.MEDIA_READ
    write_scope = Scope.MEDIA_WRITE
    parser_classes = [MultiPartParser]

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        # before anything reads the body; the CSRF check of a session does
        request.upload_handlers = [BoundedUploadHandler(request)]
        return super().initialize_request(request, *args, **kwargs)

    @extend_schema(
        operation_id="media_list",
        responses=MediaAssetPage,
        parameters=[*query_parameters(MediaQuery), fields_parameter(MediaAsset)],
    )
    def get(self, request: Request) -> Response:
        """List the images that can be used, newest first."""
        fields = fields_wanted(request.query_params, MediaAsset)
        wanted = read_query(MediaQuery, request.query_params, besides=[PARAMETER])
        assets = assets_visible(caller_required(request).organization_id)
        assets = assets_filter(assets, tags=tags_split(wanted.tag), query=wanted.q).defer("search_text")
        paginator = NewestFirst()
        page = paginator.paginate_queryset(assets, request, view=self) or []
        return paginator.get_paginated_response([sparse(media_document(asset, request), fields) for asset in page])

    @extend_schema(
        operation_id="media_upload",
        request={"multipart/form-data": MediaUpload},
        parameters=creating_headers(),
        responses={status.HTTP_201_CREATED: MediaAsset, **problems(409, 422)},
    )
    def post(self, request: Request) -> Response:
        """Take an image into the library. It is checked by its content; metadata such as places is left out."""
        caller = caller_required(request)
        form = cast(QueryDict, request.data)
        file = _file_of(form, request.FILES)
        asset, is_new = asset_ingest(
            content=cast(BinaryIO, file),
            declared_type=file.content_type or "",
            title=_one(form, "title"),
            alt=_one(form, "alt"),
            tags=tags_split(form.getlist("tags")),
            organization=_organization(caller),
            user=request.user if isinstance(request.user, User) else None,
            idempotency=idempotency(
                request, organization_id=caller.organization_id, route="media", body=_fingerprint(form, file)
            ),
        )
        return created(media_document(asset, request), location=f"/api/media/{asset.pk}", is_new=is_new)


class MediaDetailView(APIView):
    """One image."""

    read_scope = Scope.MEDIA_READ

    @extend_schema(operation_id="media_get", parameters=[fields_parameter(MediaAsset)], responses=MediaAssetOrPart)
    def get(self, request: Request, id: str) -> Response:
        """Return what the library knows of one image."""
        fields = fields_wanted(request.query_params, MediaAsset)
        asset = asset_get(id, caller_required(request).organization_id)
        return Response(sparse(media_document(asset, request), fields))


def _organization(caller: Caller) -> Organization | None:
    return Organization.objects.get(pk=caller.organization_id) if caller.organization_id else None


def _one(form: QueryDict, key: str) -> str:
    return str(form.get(key, ""))


def _fingerprint(form: QueryDict, file: UploadedFile) -> dict[str, Any]:
    """Return what makes an upload the same as another: every field, and the bytes of the file."""
    said = {key: form.getlist(key) for key in _FORM_KEYS}
    digest = hashlib.sha256()
    for chunk in file.chunks():  # from the start, whatever was read before
        digest.update(chunk)
    file.seek(0)
    return {**said, "file": digest.hexdigest()}


def _file_of(form: QueryDict, files: MultiValueDict[str, UploadedFile]) -> UploadedFile:
    faults = [
        Fault(pointer(key), "There is no such field here; send file, title, alt and tags.")
        for key in form
        if key not in (*_FORM_KEYS, "file")
    ]
    sent = files.getlist("file")
    if len(sent) != 1 or len(files) != 1:
        faults.append(Fault("/file", "Send exactly one file, as a form field named file."))
    if faults:
        raise InvalidInput(faults)
    return sent[0]
