"""What is stored of the use of an image: the image, the context, and whose context it is."""

from django.db import models

from base.ids import ID_MAX_LENGTH

BETWEEN = ":"
AFTER_ALL = ";"  # comes next to the one before


class AssetUse(models.Model):
    """That a completed context shows an image. Its id is ``asset:context``: written twice, it is one row.

    The primary key finds the uses of an image, the newest last, for staff who see all; the index those of one
    organization. Both ids name rows of other tables, and neither is a foreign key: the row may be older than its
    context's end by a moment, and outlive either.
    """

    id = models.CharField("id", primary_key=True, max_length=2 * ID_MAX_LENGTH + 1, db_column="_id", editable=False)
    organization_id = models.CharField(max_length=ID_MAX_LENGTH)

    class Meta:
        db_table = "asset_uses"
        indexes = [models.Index(fields=["organization_id", "id"], name="asset_uses_organization")]

    def __str__(self) -> str:
        return self.pk

    @classmethod
    def of(cls, asset_id: str, context_id: str, organization_id: str) -> "AssetUse":
        return cls(id=f"{asset_id}{BETWEEN}{context_id}", organization_id=organization_id)
