"""Serves the library's files to readers' browsers: to anybody who knows the name, which cannot be guessed."""

import re

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest

from base.problem_views import only_get
from media_app.formats import CONTENT_TYPES

# What `media_app.services.asset_store` calls files, and nothing else.
_NAME = re.compile(rf"media_[0-9A-HJKMNP-TV-Z]{{26}}(?:_small)?\.({'|'.join(CONTENT_TYPES)})")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
    # a file is never changed under its name
    "Cache-Control": "public, max-age=31536000, immutable",
    # articles elsewhere show these images
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@only_get
def media_file(request: HttpRequest, name: str) -> FileResponse:
    """Answer one file, also of a deactivated asset: content that shows it keeps working."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise Http404(name)
    try:
        file = default_storage.open(name)
    except FileNotFoundError as exc:
        raise Http404(name) from exc
    return FileResponse(file, content_type=CONTENT_TYPES[found[1]], headers=_HEADERS)
