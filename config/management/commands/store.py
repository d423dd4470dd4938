"""``manage.py store``: look at the stores, and carry their contents."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from config.store.check import store_facts
from config.store.export import store_export
from config.store.facts import are_usable, line_of
from config.store.indexes import index_make, indexes_missing
from config.store.restore import NotImportable, store_import


class Command(BaseCommand):
    help = "Look at the database and Redis; export and import what the database holds."
    requires_system_checks = []  # it is there to be run where something is wrong

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        check = actions.add_parser("check", help="say what is configured, reachable, migrated and indexed")
        check.add_argument("--json", action="store_true", help="for machines")
        actions.add_parser("index", help="make the indexes that are missing")
        export = actions.add_parser("export", help="write all rows to one file; nothing need be stopped")
        export.add_argument("file", type=Path, metavar="FILE", help="such as backup/draftline.jsonl.gz")
        fill = actions.add_parser("import", help="fill a migrated, empty database from such a file")
        fill.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        actions = {"check": self._check, "index": self._index, "export": self._export, "import": self._import}
        try:
            actions[options["action"]](options)
        except (Error, NotImportable, OSError) as exc:
            raise CommandError(str(exc)) from exc

    def _check(self, options: dict[str, Any]) -> None:
        facts = store_facts()
        is_usable = are_usable(facts)
        if options["json"]:
            self.stdout.write(json.dumps({"usable": is_usable, "facts": [asdict(fact) for fact in facts]}))
        else:
            self.stdout.write("\n".join(map(line_of, facts)))
        if not is_usable:
            sys.exit(1)

    def _index(self, options: dict[str, Any]) -> None:
        missing = indexes_missing()
        for wanted in missing:
            index_make(wanted)
            self.stdout.write(f"Made {wanted}.")
        if not missing:
            self.stdout.write("Every index is there.")

    def _export(self, options: dict[str, Any]) -> None:
        self._tell("Exported", store_export(options["file"]))

    def _import(self, options: dict[str, Any]) -> None:
        self._tell("Imported", store_import(options["file"]))

    def _tell(self, done: str, counts: Mapping[str, int]) -> None:
        parts = [f"{number} {label.rpartition('.')[2]}" for label, number in counts.items() if number]
        self.stdout.write(f"{done} {', '.join(parts) or 'nothing'}.")
