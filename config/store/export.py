"""Writes what a database holds to one file that any other can be filled from: a backup, and the way to another store.

The file is gzip, one JSON document a line: a head, the rows, a foot that counts them. Nothing need be stopped, and no
snapshot is needed: batches come first, then contexts, what these refer to last. So whatever a row refers to was there
when its turn came; a batch that was accepted later is left out by the import, with its contexts.
"""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.core import serializers
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model

from base import clock
from base.version import VERSION
from contexts.models import Batch, Context, Provider, StepTranscript, Trial, TrialItem, Worker

FORMAT = "draftline-export-1"
OUR_APPS = ("contexts", "components", "templates_app", "media_app", "users")
FIRST = (Batch, Context, StepTranscript)
# Of this moment only: a worker that is gone holds nothing, and the sweep hands its contexts back; trials go soon.
LEFT_OUT = (Worker, Provider, Trial, TrialItem)
ROWS_AT_ONCE = 200


def models_carried() -> list[type[Model]]:
    """Return the models in the order of the file. Sessions and the queue are not carried: they are of the moment."""
    ours = [model for label in OUR_APPS for model in apps.get_app_config(label).get_models()]
    others = [model for model in ours if model not in FIRST and model not in LEFT_OUT]
    return [*FIRST, *others, LogEntry]


def schema() -> dict[str, str]:
    """Return the newest migration of each app whose rows are carried: the shape that the rows have."""
    leaves = MigrationLoader(None).graph.leaf_nodes()
    return {app: name for app, name in leaves if app in OUR_APPS}


def store_export(path: Path) -> dict[str, int]:
    """Write everything to ``path``; return how many rows of each model. Only a whole file gets that name.

    It holds hashes of keys and passwords and all texts, so nobody but its owner may read it.
    """
    part = path.with_name(f"{path.name}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as raw, gzip.open(raw, "wt", encoding="utf-8", compresslevel=6) as out:
        _line(out, {"format": FORMAT, "version": VERSION, "made_at": clock.to_iso(clock.now()), "schema": schema()})
        counts = {model._meta.label: _export(model, out) for model in models_carried()}
        _line(out, {"rows": counts})
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.rename(path)
    return counts


def _line(out: TextIO, document: dict[str, Any]) -> None:
    out.write(json.dumps(document) + "\n")


def _export(model: type[Model], out: TextIO) -> int:
    count = 0
    for row in _rows(model):
        # who did what to which kind of row: both are numbered differently in another database
        serializers.serialize("jsonl", [row], stream=out, use_natural_foreign_keys=model is LogEntry)
        count += 1
    return count


def _rows(model: type[Model]) -> Iterator[Model]:
    return model._base_manager.order_by("pk").iterator(chunk_size=ROWS_AT_ONCE)
