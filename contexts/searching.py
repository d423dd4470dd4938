"""What a person types into the one search box of the list of contexts, read as what to look for."""

import re
from dataclasses import dataclass
from typing import Any

from django.db.models import F, JSONField, Q, Value
from django.db.models.fields.json import KeyTransform, KeyTransformExact

from contexts.selectors import ID_TEXT, ULID_TEXT, BatchFilter, batches_find, id_begins

BATCH_TEXT = re.compile(r"batch_[0-9A-Za-z]{0,26}", re.IGNORECASE)
# a key of metadata, or a path of keys: order=4711, shop.order=4711
NOTE_TEXT = re.compile(r"([A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64}){0,4})=(.{1,200})")
NUMBER_TEXT = re.compile(r"-?(0|[1-9][0-9]{0,17})")
BATCHES_MEANT = 50
_WORDS: dict[str, bool] = {"true": True, "false": False}


@dataclass(frozen=True)
class Search:
    """What to match.

    Args:
        is_wide: whether no index leads to it, so that rows have to be looked at one by one.
    """

    match: Q
    is_wide: bool


def search_of(text: str, organization_id: str | None) -> Search:
    """Read what was typed: an id or its beginning, a batch's id or name, ``key=value`` of metadata, words of the title.

    Args:
        organization_id: whose batches may be meant; None means everybody's.
    """
    term = text.strip()
    if ID_TEXT.fullmatch(term):
        return Search(id_begins(term[4:]), is_wide=False)
    if BATCH_TEXT.fullmatch(term):
        return Search(_of_batches(term, organization_id), is_wide=False)
    if note := NOTE_TEXT.fullmatch(term):
        return Search(_noted(note[1], note[2].strip()), is_wide=True)
    match = Q(title__icontains=term) | _of_batches(term, organization_id)
    return Search(match | id_begins(term) if ULID_TEXT.fullmatch(term) else match, is_wide=True)


def _of_batches(text: str, organization_id: str | None) -> Q:
    """Match the contexts of the newest batches that the text names."""
    batches = batches_find(organization_id, BatchFilter(text=text)).order_by("-pk")
    ids = [batch.pk for batch in batches[:BATCHES_MEANT]]
    return Q(batch_id__in=ids) if ids else Q(pk__in=[])


def _noted(path: str, value: str) -> Q:
    """Match what stands in metadata under a key, as a text or as what the text may mean."""
    meant: list[Any] = [value]
    if NUMBER_TEXT.fullmatch(value):
        meant.append(int(value))
    if value in _WORDS:
        meant.append(_WORDS[value])
    match = Q()
    for one in meant:
        match |= Q(KeyTransformExact(_noted_at(path), Value(one, JSONField())))
    return match


def _noted_at(path: str) -> Any:
    """Return the place in metadata; written as ``metadata__shop__in`` the key of a client would be read as a lookup."""
    place: Any = F("metadata")
    for key in path.split("."):
        place = KeyTransform(key, place)
    return place
