"""``manage.py store``: look at the stores."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from config.store.check import store_facts
from config.store.facts import are_usable, line_of
from config.store.indexes import index_make, indexes_missing


class Command(BaseCommand):
    help = "Look at the database and Redis."
    requires_system_checks = []  # it is there to be run where something is wrong

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        check = actions.add_parser("check", help="say what is configured, reachable, migrated and indexed")
        check.add_argument("--json", action="store_true", help="for machines")
        actions.add_parser("index", help="make the indexes that are missing")

    def handle(self, *args: Any, **options: Any) -> None:
        actions = {"check": self._check, "index": self._index}
        actions[options["action"]](options)

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
        try:
            missing = indexes_missing()
            for wanted in missing:
                index_make(wanted)
                self.stdout.write(f"Made {wanted}.")
        except Error as exc:
            raise CommandError(f"The database did not make it: {exc}") from exc
        if not missing:
            self.stdout.write("Every index is there.")
