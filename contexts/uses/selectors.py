"""Reads where images are used. A context that is gone, or did not complete after all, does not count."""

from collections.abc import Iterable

from django.db.models import QuerySet

from contexts.models import AssetUse, Context
from contexts.selectors import contexts_visible
from contexts.states import Status
from contexts.uses.models import AFTER_ALL, BETWEEN

LOOKED_AT = 200


def contexts_showing(asset_id: str, organization_id: str | None, *, most: int) -> list[Context]:
    """Return the newest contexts that show an image, the newest first, without what may be large.

    Looks at the newest `LOOKED_AT` uses.

    Args:
        organization_id: whose contexts; None means everybody's.
    """
    # whole rows: for a choice of columns MongoDB sorts what is chosen instead of reading the index backwards
    ids = [use.pk.partition(BETWEEN)[2] for use in _uses(asset_id, organization_id).order_by("-pk")[:LOOKED_AT]]
    rows = contexts_visible(organization_id).filter(pk__in=ids, status=Status.COMPLETED)
    found = {row.pk: row for row in rows.only("pk", "title", "status", "type", "ended_at")}
    return [found[key] for key in ids if key in found][:most]


def assets_used(asset_ids: Iterable[str], organization_id: str | None) -> set[str]:
    """Return those of the images that anything shows; a look at one entry of an index for each."""
    return {asset_id for asset_id in asset_ids if _uses(asset_id, organization_id).order_by().exists()}


def _uses(asset_id: str, organization_id: str | None) -> QuerySet[AssetUse]:
    rows = AssetUse.objects.filter(pk__gte=f"{asset_id}{BETWEEN}", pk__lt=f"{asset_id}{AFTER_ALL}")
    return rows if organization_id is None else rows.filter(organization_id=organization_id)
