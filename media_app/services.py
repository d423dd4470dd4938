"""Every change to the media library."""

import hashlib
from collections.abc import Iterable
from typing import Annotated, BinaryIO

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from base.inserting import insert
from base.problems import InvalidInput
from base.strict_json import faults_in
from base.validation import read_model
from media_app.models import Asset, new_asset_id
from media_app.pictures import THUMBNAIL_FORMAT, Picture, picture_read
from media_app.search import BAR, search_text, tag_normal
from media_app.selectors import asset_find as asset_find
from media_app.selectors import asset_thumbnail_url as asset_thumbnail_url
from media_app.selectors import asset_url as asset_url
from users.idempotency import Idempotency
from users.models import Organization, User

MAX_TAGS = 30


def _tag(text: str) -> str:
    if BAR in text or "," in text:
        raise ValueError("a tag holds no comma and no bar; take it out")
    return tag_normal(text)


def _once(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50), AfterValidator(_tag)]


class AssetText(BaseModel):
    """What people say about an asset."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    title: str = Field(min_length=1, max_length=200)
    alt: str = Field(default="", max_length=500)
    tags: Annotated[list[Tag], AfterValidator(_once)] = Field(default_factory=list, max_length=MAX_TAGS)


def text_read(*, title: str, alt: str, tags: Iterable[str]) -> AssetText:
    """Check what people say about an asset.

    Raises:
        InvalidInput: too long, empty, or text that cannot be stored.
    """
    value = {"title": title, "alt": alt, "tags": list(tags)}
    if faults := faults_in(value):
        raise InvalidInput(faults)
    return read_model(AssetText, value)


def asset_ingest(
    *,
    content: BinaryIO,
    title: str,
    alt: str = "",
    tags: Iterable[str] = (),
    organization: Organization | None,
    user: User | None = None,
    declared_type: str = "",
    idempotency: Idempotency | None = None,
) -> tuple[Asset, bool]:
    """Check an image and take it into the library. Return it, and whether this is the first such request.

    Safe to repeat with the same idempotency key: the asset that is there is returned, one that a crash kept from
    being stored is stored.

    Args:
        organization: who may use it; None: all.
        declared_type: the Content-Type that the client sent; one that contradicts the bytes is refused.

    Raises:
        InvalidInput: the text is not valid, or the file is no whole image of a kind that is taken.
        TooLarge: the file has more than ``MEDIA_MAX_BYTES``.
        IdempotencyMismatch: the key was used with another upload.
    """
    known = idempotency.find() if idempotency else None
    existing = Asset.objects.filter(pk=known).first() if known else None
    if existing is not None:
        return existing, False
    text = text_read(title=title, alt=alt, tags=tags)
    picture = picture_read(content, declared_type)
    asset_id, is_new = idempotency.claim(new_asset_id()) if idempotency else (new_asset_id(), True)
    asset = Asset(id=asset_id, organization=organization, uploaded_by=user)
    # who comes second writes files of his own: those of the first may be there, whole or not
    return _asset_store_once(asset, text, picture, stem=asset_id if is_new else new_asset_id()), is_new


def _asset_store_once(asset: Asset, text: AssetText, picture: Picture, *, stem: str) -> Asset:
    try:
        return asset_store(asset, text, picture, stem=stem)
    except IntegrityError:  # a twin of this request was faster
        existing = Asset.objects.filter(pk=asset.pk).first()
        if existing is None:
            raise
        _remove_files(asset)
        return existing


def _describe(asset: Asset, text: AssetText) -> None:
    asset.title, asset.alt, asset.tags = text.title, text.alt, text.tags
    asset.search_text = search_text(title=text.title, alt=text.alt, tags=text.tags)


def asset_store(asset: Asset, text: AssetText, picture: Picture, *, stem: str = "") -> Asset:
    """Write a checked picture's files, then the row that names them.

    In that order, a crash leaves at most files that no row names. The names are ours: nothing that a client sends
    becomes a path, and the extension alone decides the content type that the file is served with.

    Args:
        stem: what the files' names begin with, looking like an asset's id; without it the asset's own.
    """
    _describe(asset, text)
    stem = stem or asset.pk
    asset.file = _write(f"{stem}.{picture.format.extension}", picture.data)
    asset.thumbnail = _write(f"{stem}_small.{THUMBNAIL_FORMAT.extension}", picture.thumbnail)
    asset.content_type = picture.format.content_type
    asset.size_bytes = len(picture.data)
    asset.width, asset.height = picture.width, picture.height
    asset.sha256 = hashlib.sha256(picture.data).hexdigest()
    insert([asset])
    return asset


def _write(name: str, data: bytes) -> str:
    return default_storage.save(name, ContentFile(data))


def asset_edit(asset: Asset, text: AssetText) -> Asset:
    """Change what is said about an asset, and store whose it is and whether it is active as they stand on it."""
    _describe(asset, text)
    asset.save(update_fields=["title", "alt", "tags", "search_text", "organization", "is_active"])
    return asset


def asset_deactivate(asset: Asset) -> None:
    """Take an asset out of use: no new content finds it, and content that shows it keeps working."""
    Asset.objects.filter(pk=asset.pk).update(is_active=False)


def asset_activate(asset: Asset) -> None:
    """Bring a deactivated asset back."""
    Asset.objects.filter(pk=asset.pk).update(is_active=True)


def asset_delete(asset: Asset) -> None:
    """Remove an asset with its files, for good: content that shows it breaks.

    The row goes first; a crash leaves files that no row names.
    """
    asset.delete()
    _remove_files(asset)


def _remove_files(asset: Asset) -> None:
    for name in (asset.file, asset.thumbnail):
        default_storage.delete(name)
