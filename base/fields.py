"""Field shapes that every app shares."""

from collections.abc import Callable
from typing import Any

from django.db import models

from base.ids import ID_MAX_LENGTH


def IdField(default: Callable[[], str] | None = None) -> models.CharField:
    """Return the primary key of a row: our own string, stored as ``_id`` on both databases.

    Without ``db_column="_id"`` MongoDB would keep an ObjectId of its own beside it.
    """
    options: dict[str, Any] = {"default": default} if default else {}
    return models.CharField(
        "id", primary_key=True, max_length=ID_MAX_LENGTH, db_column="_id", editable=False, **options
    )
