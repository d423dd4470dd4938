"""``manage.py drain``: work contexts without django-q2, for emergencies and tests."""

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from contexts.engine.run import run_drain
from contexts.engine.shared_memory import stop_byte


class Command(BaseCommand):
    help = "Work contexts in this process, without django-q2. Ctrl-C hands back what is in flight."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--until-idle", action="store_true", help="End when nothing is due any more.")

    def handle(self, *args: Any, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop_byte.set())
        count = run_drain(should_stop=stop_byte.is_set, until_idle=options["until_idle"])
        self.stdout.write(f"Picked up {count} contexts.")
