"""Says so where a form of the admin is too large, instead of letting its page see the part that was kept."""

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat

from base.problem_views import ADMIN_PREFIX


class LargeForms:
    """Lead whoever posts a form beyond the limit back to its page, which says what was wrong.

    What is beyond it was thrown away while it came in (bodies.py). The page would take the files and fields before
    that place for all that there were, and nobody would hear of the others.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        size = int(request.META.get("CONTENT_LENGTH") or 0)
        if size <= settings.KEPT_BODY_BYTES or not request.path.startswith(ADMIN_PREFIX):
            return self._get_response(request)
        told = (
            f"What you sent has {filesizeformat(size)}; at most {filesizeformat(settings.KEPT_BODY_BYTES)} are taken "
            "at once. Nothing was stored: send fewer or smaller files."
        )
        messages.error(request, told)
        return HttpResponseRedirect(request.get_full_path())
