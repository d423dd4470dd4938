"""Uploads of many images at once: each is checked by itself, and one that will not do stops no other."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin

from base.problems import Problem
from media_app.admin.forms import TAKEN_HELP, UploadManyForm
from media_app.formats import CONTENT_TYPES
from media_app.models import Asset
from media_app.services import asset_ingest, asset_thumbnail_url
from users.models import Organization, User
from users.scoped_admin import organization_of

MOST_FILES = 50
LONGEST_TITLE = 200


@dataclass(frozen=True)
class Outcome:
    """What became of one file: an image, or why not."""

    name: str
    asset: Asset | None = None
    thumbnail: str = ""
    why_not: str = ""


def title_of_file(name: str) -> str:
    """Return what an image is called at first: ``blue-whale_02.jpg`` becomes ``Blue whale 02``."""
    words = " ".join(re.sub(r"[-_+\s]+", " ", PurePath(name).stem).split())[:LONGEST_TITLE].strip()
    return words[:1].upper() + words[1:] or "Untitled"


class UploadPage(ModelAdmin):
    """A part of the admin of the library."""

    def upload_page(self, request: HttpRequest) -> HttpResponse:
        form = UploadManyForm(request.POST or None, chooses_organization=organization_of(request) is None)
        files = request.FILES.getlist("files")
        outcomes: list[Outcome] = []
        fault = _fault(files) if request.method == "POST" else ""
        if not fault and form.is_valid():
            outcomes = list(self._taken(request, form.cleaned_data, files))
        values = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Upload many",
            "subtitle": None,
            "form": form,
            "fault": fault,
            "outcomes": outcomes,
            "stored": sum(outcome.asset is not None for outcome in outcomes),
            "accept": ",".join(CONTENT_TYPES.values()),
            "help": f"{TAKEN_HELP} At most {filesizeformat(settings.MEDIA_MAX_BYTES)} each.",
            "most_bytes": settings.MEDIA_MAX_BYTES,
            "most_files": MOST_FILES,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "media_app/upload.html", values)

    def _taken(self, request: HttpRequest, said: dict[str, Any], files: Iterable[UploadedFile]) -> Iterator[Outcome]:
        """Store the images, one after the other; yield what became of each."""
        own = organization_of(request)
        owner = Organization.objects.get(pk=own) if own is not None else said["organization"]
        for file in files:
            name = file.name or ""
            try:
                asset = self._stored(request, file, owner, said["tags"])
            except Problem as problem:
                reasons = [fault.message for fault in problem.errors] or [problem.detail]
                yield Outcome(name, why_not=" ".join(reasons))
            else:
                yield Outcome(name, asset, asset_thumbnail_url(asset))

    def _stored(self, request: HttpRequest, file: UploadedFile, owner: Organization | None, tags: list[str]) -> Asset:
        asset, _ = asset_ingest(
            content=file,  # type: ignore[arg-type]
            title=title_of_file(file.name or ""),
            tags=tags,
            organization=owner,
            user=request.user if isinstance(request.user, User) else None,
            declared_type=file.content_type or "",
        )
        self.log_addition(request, asset, "Uploaded with others.")
        return asset


def _fault(files: list[UploadedFile]) -> str:
    if not files:
        return "Choose at least one image."
    return f"At most {MOST_FILES} at once; these are {len(files)}." if len(files) > MOST_FILES else ""
