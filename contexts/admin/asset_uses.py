"""Tells the media library which contexts show an image."""

from collections.abc import Sequence

from django.http import HttpRequest

from contexts.admin.access import admin_url
from contexts.admin.texts import moment_text
from contexts.uses.selectors import assets_used, contexts_showing
from media_app.admin.uses import Use, finder_add
from media_app.models import Asset
from users.models import User
from users.scoped_admin import organization_of


class ContextsAsUses:
    """Completed contexts; see `media_app.admin.uses.UseFinder`."""

    def used_among(self, request: HttpRequest, assets: Sequence[Asset]) -> set[str]:
        if not _may_see(request):
            return set()
        return assets_used([asset.pk for asset in assets], organization_of(request))

    def uses_of(self, request: HttpRequest, asset: Asset, most: int) -> list[Use]:
        if not _may_see(request):
            return []
        found = contexts_showing(asset.pk, organization_of(request), most=most)
        return [
            Use(
                f"{context.title or context.pk} ({context.type}, {moment_text(context.ended_at)})",
                admin_url("contexts_context_change", context.pk),
            )
            for context in found
        ]


def _may_see(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.has_perm("contexts.view_context")


finder_add(ContextsAsUses())
