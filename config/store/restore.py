"""Fills a migrated, empty database from the file that export.py wrote, on SQLite and MongoDB alike."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from django.contrib.admin.models import LogEntry
from django.core import serializers
from django.db import transaction
from django.db.models import Model

from base.inserting import insert
from config.store.export import FORMAT, ROWS_AT_ONCE, models_carried, schema
from contexts.engine.claims import free_orphans
from contexts.models import Context


class NotImportable(Exception):
    """The file or the database cannot be used; the message says why and what to do."""


def store_import(path: Path) -> Counter[str]:
    """Fill the database from ``path``; return how many rows of each model.

    On SQLite all of it or nothing. On MongoDB a database that was filled in part must be dropped.

    Raises:
        NotImportable: nothing was written.
    """
    _must_fit(path)
    _must_be_empty()
    with transaction.atomic():
        counts = _fill(path)
        free_orphans()  # what was in flight is due at once, and need not wait for the sweep
    return counts


def _must_fit(path: Path) -> None:
    """Read the whole file once: what is cut off or from another version must be found before anything is written."""
    head, rows, foot = None, 0, None
    try:
        for line in _lines(path):
            head = head or json.loads(line)
            foot, rows = line, rows + 1
    except (OSError, EOFError, ValueError) as exc:
        raise NotImportable(f"{path} cannot be read to its end ({exc}); take another one.") from exc
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise NotImportable(f"{path} is no export of Draftline.")
    if head["schema"] != schema():
        raise NotImportable(f"{path} was written by {head['version']}, whose tables differ; import it with that one.")
    counts = json.loads(foot or "{}").get("rows")
    if counts is None or sum(counts.values()) != rows - 2:
        raise NotImportable(f"{path} is not whole; take another one.")


def _must_be_empty() -> None:
    for model in models_carried():
        if model._base_manager.exists():
            raise NotImportable(
                f"The database has {model._meta.verbose_name_plural} already. Import into an empty one: "
                "drop it, run 'manage.py migrate', and load no samples."
            )


def _lines(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from file


def _documents(path: Path) -> Iterator[dict[str, Any]]:
    for line in _lines(path):
        document = json.loads(line)
        if "model" in document:
            yield document


def _fill(path: Path) -> Counter[str]:
    counts: Counter[str] = Counter()
    batches: set[str] = set()
    for model, documents in groupby(_documents(path), key=lambda document: str(document["model"])):
        if model == "contexts.batch":
            documents = _noting(documents, batches)
        kept = (document for document in documents if _is_wanted(document, batches))
        while rows := [_row(document) for document in islice(kept, ROWS_AT_ONCE)]:
            insert(rows)
            counts[rows[0]._meta.label] += len(rows)
    return counts


def _noting(documents: Iterator[dict[str, Any]], batches: set[str]) -> Iterator[dict[str, Any]]:
    for document in documents:
        batches.add(document["pk"])
        yield document


def _is_wanted(document: dict[str, Any], batches: set[str]) -> bool:
    """Tell whether a row belongs to what was accepted when the export began."""
    if document["model"] != Context._meta.label_lower:
        return True
    return document["fields"]["batch"] is None or document["fields"]["batch"] in batches


def _row(document: dict[str, Any]) -> Model:
    (found,) = serializers.deserialize("python", [document])
    row: Model = found.object
    if isinstance(row, LogEntry):
        row.pk = None  # the new database gives it a number of its own
    return row
