"""Links on the page of a template that lead to pages of other apps: those know this one, not the other way round."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest

from templates_app.models import Template


@dataclass(frozen=True)
class PageLink:
    """Where a link leads, and what it says."""

    label: str
    url: str


LinkMaker = Callable[[HttpRequest, Template], list[PageLink]]
_makers: list[LinkMaker] = []


def links_add(maker: LinkMaker) -> None:
    """Show what ``maker`` answers for a person and a template; call it where the admin's pages are registered."""
    _makers.append(maker)


def links_for(request: HttpRequest, template: Template) -> list[PageLink]:
    """Return the links for a person on the page of a template."""
    return [link for maker in _makers for link in maker(request, template)]
