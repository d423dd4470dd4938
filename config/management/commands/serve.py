"""``manage.py serve``: prepares the database, then becomes the supervisor of the web server and the workers."""

import os
import socket
import sys
from typing import Any, NoReturn

from django.conf import settings
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from config.listening import base_url, listen
from contexts.samples.administrator import administrator_login, password_file


class Command(BaseCommand):
    help = "Runs the web server and the workers, and restarts what dies, until SIGTERM or Ctrl-C."
    requires_system_checks = []  # handle() runs them, to say each fault in one line

    def handle(self, *args: Any, **options: Any) -> None:
        self._refuse_bad_settings()
        listener = self._listen()
        call_command("migrate", interactive=False, verbosity=0)
        call_command("loadsamples", once=True, verbosity=0)
        self._welcome()
        connections.close_all()
        self._become_supervisor(listener)

    @staticmethod
    def _refuse_bad_settings() -> None:
        faults = [message for message in run_checks() if message.is_serious()]
        if faults:
            raise CommandError("\n".join(" ".join(filter(None, (fault.msg, fault.hint))) for fault in faults))

    @staticmethod
    def _listen() -> socket.socket:
        try:
            return listen(settings.HOST, settings.PORT)
        except OSError as exc:
            raise CommandError(
                f"Cannot listen on {settings.HOST} port {settings.PORT} ({exc.strerror}); "
                f"stop what uses it, or set PORT to another one: PORT={settings.PORT + 1} script/server"
            ) from exc

    def _welcome(self) -> None:
        url, login = base_url(settings.HOST, settings.PORT), administrator_login()
        where = f"the password is in {password_file()}" if login.password else "with the password that was chosen"
        self.stdout.write(f"Draftline is starting on {url}; its data lies in {settings.DATA_DIR}")
        self.stdout.write(f"  admin     {url}/admin/   log in as {login.username}, {where}")
        self.stdout.write(f"  API docs  {url}/api/docs   stop with Ctrl-C")
        self.stdout.flush()

    @staticmethod
    def _become_supervisor(listener: socket.socket) -> NoReturn:
        """Replace this process: what supervises for months is small, without threads and without connections."""
        os.environ["DATA_DIR"] = str(settings.DATA_DIR)
        os.chdir(settings.BASE_DIR)
        listener.set_inheritable(True)
        os.execv(sys.executable, [sys.executable, "-m", "config.processes", str(listener.detach())])  # noqa: S606
