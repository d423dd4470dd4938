"""What the ``type`` of a problem leads to: the page in docs/problems that explains it."""

import re
from functools import cache

import markdown
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe

from base.problem_types import FOLDER, problem_slugs
from base.problem_views import only_get

EXTENSIONS = ("fenced_code", "sane_lists")
_LINK = re.compile(r'href="([\w-]+)\.md"')


@only_get
def problem_list(request: HttpRequest) -> HttpResponse:
    """Show which problems there are."""
    pages = [(slug, _title(slug)) for slug in problem_slugs()]
    return render(request, "problems/list.html", {"pages": pages})


@only_get
def problem_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what a problem means and what to do."""
    if slug not in problem_slugs():
        raise Http404
    # our own text, not a client's
    body = mark_safe(_html(slug))  # noqa: S308
    return render(request, "problems/page.html", {"title": _title(slug), "body": body})


@cache
def _text(slug: str) -> str:
    text: str = (FOLDER / f"{slug}.md").read_text(encoding="utf-8")
    return text


def _title(slug: str) -> str:
    return _text(slug).partition("\n")[0].removeprefix("# ")


@cache
def _html(slug: str) -> str:
    return _LINK.sub(r'href="/problems/\1"', markdown.markdown(_text(slug), extensions=list(EXTENSIONS)))
