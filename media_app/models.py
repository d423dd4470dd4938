"""The media library's rows; the files lie in Django's default storage."""

from django.conf import settings
from django.db import models

from base import clock
from base.fields import IdField
from base.ids import new_id
from users.models import OwnedOrShared


def new_asset_id() -> str:
    return new_id("media")


class Asset(OwnedOrShared):
    """An image that content may show. What it is was read from its bytes, not from its name."""

    id = IdField(new_asset_id)
    title = models.CharField(max_length=200)
    alt = models.CharField(max_length=500, blank=True, help_text="What a reader who cannot see it is told.")
    tags = models.JSONField(default=list, blank=True)
    # Tags, title and alt as `media_app.search` writes them: no database of ours can ask what a JSON list contains.
    search_text = models.TextField(blank=True, editable=False)
    file = models.CharField(max_length=200, editable=False)
    thumbnail = models.CharField(max_length=200, editable=False)
    content_type = models.CharField(max_length=50, editable=False)
    size_bytes = models.PositiveBigIntegerField(editable=False)
    width = models.PositiveIntegerField(editable=False)
    height = models.PositiveIntegerField(editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    is_active = models.BooleanField(default=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        db_table = "media"
        ordering = ["-id"]
        indexes = [models.Index(fields=["organization", "is_active"], name="media_organization")]

    def __str__(self) -> str:
        return self.title
