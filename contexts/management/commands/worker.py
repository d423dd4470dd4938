"""``manage.py worker``: one django-q2 cluster, in the foreground."""

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from contexts.cluster import CLUSTERS, run_cluster

CLUSTER_VARIABLE = "Q_CLUSTER_NAME"


class Command(BaseCommand):
    help = "Run one cluster: 'contexts' works contexts, 'chores' sweeps. SIGTERM stops it within ten seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--cluster", choices=CLUSTERS, required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["cluster"]
        if os.environ.get(CLUSTER_VARIABLE) != name:
            # django-q2 reads the name once, when it is imported: start again with it
            os.environ[CLUSTER_VARIABLE] = name
            os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 - our own command line
        sys.exit(run_cluster(name))
