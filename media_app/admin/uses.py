"""Where images are used: told by apps that this one does not know, for they know it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from django.http import HttpRequest

from media_app.models import Asset


@dataclass(frozen=True)
class Use:
    """One place that shows an image, and where its page is."""

    label: str
    url: str


class UseFinder(Protocol):
    """Answers for a person: never with what is another organization's."""

    def used_among(self, request: HttpRequest, assets: Sequence[Asset]) -> set[str]:
        """Return the ids of those that anything shows."""
        ...

    def uses_of(self, request: HttpRequest, asset: Asset, most: int) -> list[Use]:
        """Return the newest places that show it, the newest first."""
        ...


_finders: list[UseFinder] = []


def finder_add(finder: UseFinder) -> None:
    """Ask ``finder`` too; call it where the admin's pages are registered."""
    _finders.append(finder)


def used_among(request: HttpRequest, assets: Sequence[Asset]) -> set[str]:
    """Return the ids of the images that anything shows."""
    return {asset_id for finder in _finders for asset_id in finder.used_among(request, assets)}


def uses_of(request: HttpRequest, asset: Asset, most: int) -> list[Use]:
    """Return the places that show an image."""
    return [use for finder in _finders for use in finder.uses_of(request, asset, most)][:most]
