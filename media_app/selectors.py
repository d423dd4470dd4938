"""Every read of the media library."""

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from urllib.parse import urljoin

from django.conf import settings
from django.db.models import Q, QuerySet

from base.problems import NotFound
from media_app.models import Asset
from media_app.search import tag_needle, tag_normal, words_needle, words_normal

# The newest assets that match are ranked; older ones are left out. Enough for any library that people tag by
# hand, and a search costs a few milliseconds and megabytes at most.
MAX_CANDIDATES = 1000
MAX_WISHES = 50


def assets_visible(organization_id: str | None) -> QuerySet[Asset]:
    """Return what an organization may use: its own and the shared ones; None sees all."""
    assets = Asset.objects.filter(is_active=True)
    return assets if organization_id is None else assets.filter(_of(organization_id))


def _of(organization_id: str | None) -> Q:
    return Q(organization_id=organization_id) | Q(organization_id=None)


def asset_get(asset_id: str, organization_id: str | None) -> Asset:
    """Return one asset.

    Raises:
        NotFound: there is none, or it belongs to another organization.
    """
    asset = assets_visible(organization_id).filter(pk=asset_id).first()
    if asset is None:
        raise NotFound(f"There is no media {asset_id}; GET /api/media lists what there is.")
    return asset


def assets_filter(assets: QuerySet[Asset], *, tags: Iterable[str] = (), query: str = "") -> QuerySet[Asset]:
    """Keep the assets that have every tag and that name the query's words."""
    for tag in tags:
        assets = assets.filter(search_text__contains=tag_needle(tag))
    for word in words_normal(query).split():
        assets = assets.filter(search_text__contains=word)
    return assets


def asset_find(*, organization_id: str | None, tags: Sequence[str], keywords: Sequence[str], limit: int) -> list[Asset]:
    """Return the active assets that fit best, best first: the organization's own and the shared ones.

    Every tag must match. Keywords rank: how many of them are a tag or stand in the title or alt text; then how many
    are tags; then own before shared, new before old. Without tags at least one keyword must match; with neither there
    is nothing to go by, and the answer is empty. Looks at the newest `MAX_CANDIDATES` that match.
    """
    wanted = [tag for tag in dict.fromkeys(map(tag_normal, tags)) if tag]
    words = [word for word in dict.fromkeys(map(words_normal, keywords)) if word][:MAX_WISHES]
    if limit < 1 or not (wanted or words):
        return []
    usable = Asset.objects.filter(_of(organization_id), is_active=True)
    tagged = assets_filter(usable, tags=wanted).order_by("-pk")
    found = list(tagged.filter(_names_any(words))[:MAX_CANDIDATES]) if words else []
    if wanted and len(found) < limit:
        seen = {asset.pk for asset in found}
        found += [asset for asset in tagged[: limit + len(found)] if asset.pk not in seen]
    return sorted(found, key=lambda asset: _rank(asset, words), reverse=True)[:limit]


def _names_any(words: list[str]) -> Q:
    return reduce(or_, (Q(search_text__contains=words_needle(word)) for word in words))


def _rank(asset: Asset, words: list[str]) -> tuple[int, int, bool, str]:
    shared = sum(words_needle(word) in asset.search_text for word in words)
    as_tags = sum(tag_needle(word) in asset.search_text for word in words)
    return shared, as_tags, asset.organization_id is not None, asset.pk


def asset_url(asset: Asset) -> str:
    """Return the address that a reader's browser loads; whole if the MEDIA_URL setting is."""
    return urljoin(settings.MEDIA_URL, asset.file)


def asset_thumbnail_url(asset: Asset) -> str:
    """Return the address of the small picture."""
    return urljoin(settings.MEDIA_URL, asset.thumbnail)
