"""``manage.py loadsamples``: what a new installation starts with."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from contexts.samples.administrator import administrator_ensure, password_file
from contexts.samples.loader import samples_load, samples_were_loaded


class Command(BaseCommand):
    help = "Adds the sample templates, components, pipelines and pictures that are missing, and an administrator."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once",
            action="store_true",
            help="do nothing where the samples were loaded before: what was removed since stays removed",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        made = [] if options["once"] and samples_were_loaded() else samples_load()
        login = administrator_ensure()
        if options["verbosity"] < 1:
            return
        self.stdout.write(f"Samples: {', '.join(made) if made else 'all there already'}.")
        where = f"the password in {password_file()}" if login.password else "the password that was chosen"
        self.stdout.write(f"Administrator: {login.username}, with {where}.")
