"""``manage.py demo``: the whole main job, shown in the terminal."""

import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from requests import RequestException

from config.demo.client import PICKUP_SECONDS, DemoClient, Refused, Stuck
from config.demo.screen import Screen, pause
from config.demo.server import DemoServer, ServerFailed
from config.listening import base_url, free_port
from config.supervisor import STOP_SIGNALS
from contexts.samples import demo_context
from contexts.samples.administrator import administrator_login, write_private
from users.access import Scope
from users.services import apikey_create, apikey_find, organization_default


class Command(BaseCommand):
    help = "Starts Draftline, posts an example, shows its way through the components and prints the article."
    requires_system_checks = []  # the server runs them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--exit",
            action="store_true",
            dest="is_brief",
            help="stop everything after printing; succeed only if the context completed",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, _interrupt)
        screen = Screen()
        server = self._server(screen)
        try:
            server.start()
            is_completed = self._show(screen, server)
            if not options["is_brief"]:
                self._stay(screen, server)
        except (ServerFailed, Refused) as exc:
            raise CommandError(str(exc)) from exc
        except (Stuck, RequestException) as exc:
            raise CommandError(str(server.failure(f"{exc}"))) from exc
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        finally:
            for number in STOP_SIGNALS:
                signal.signal(number, signal.SIG_IGN)  # stopping takes seconds; impatience must not leave it half done
            server.stop()
        if not is_completed:
            raise SystemExit(1)

    def _server(self, screen: Screen) -> DemoServer:
        try:
            port = free_port(settings.HOST, settings.PORT)
        except OSError as exc:
            raise CommandError(f"Cannot listen on {settings.HOST} ({exc.strerror}); set HOST to 127.0.0.1.") from exc
        if port != settings.PORT:
            screen.say(f"Port {settings.PORT} is busy; taking {port}.")
        url = base_url(settings.HOST, port)
        log = Path(settings.DATA_DIR) / "logs" / "demo-server.log"
        screen.say(f"Starting web server and workers on {url} (their log: {log})")
        environment = {"PORT": str(port), "DATA_DIR": str(settings.DATA_DIR)}
        return DemoServer(manage=settings.BASE_DIR / "manage.py", url=url, log=log, environment=environment)

    def _show(self, screen: Screen, server: DemoServer) -> bool:
        """Post the example and print what becomes of it; return whether it completed."""
        server.wait_ready()
        client = DemoClient(server.url, demo_key())
        document = demo_context()
        screen.say(f"POST {server.url}/api/contexts  type {document['type']}, title “{document['data']['title']}”")

        def look_again() -> None:
            server.check_alive()
            pause()

        posted = client.post_context(document)
        patience_seconds = settings.CONTEXT_TIMEOUT_SECONDS + PICKUP_SECONDS
        context = screen.show(client.follow(posted, look_again=look_again, patience_seconds=patience_seconds))
        screen.show_end(context)
        self._say_where(screen, server, context)
        return bool(context["status"] == "completed")

    @staticmethod
    def _say_where(screen: Screen, server: DemoServer, context: dict[str, Any]) -> None:
        login = administrator_login()
        password = f"password {login.password}" if login.password else "the password that was chosen"
        screen.say(f"Admin:    {server.url}/admin/   log in as {login.username}, {password}")
        screen.say(f"API docs: {server.url}/api/docs")
        screen.say(f"Context:  {server.url}/api/contexts/{context['id']}   key: {key_file()}")

    @staticmethod
    def _stay(screen: Screen, server: DemoServer) -> None:
        screen.say("Everything keeps running; Ctrl-C stops it.")
        try:
            server.wait()
        except KeyboardInterrupt:
            screen.say("Stopping.")
            return
        server.check_alive()


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def key_file() -> Path:
    """Return where the demo's API key is kept."""
    return Path(settings.DATA_DIR) / "demo-key"


def demo_key() -> str:
    """Return the demo's API key; make one where there is none, or where the database no longer knows it."""
    if key_file().exists():
        stored = key_file().read_text(encoding="utf-8").strip()
        if apikey_find(stored) is not None:
            return stored
    _, secret = apikey_create(
        name="demo",
        organization=organization_default(),
        scopes=[Scope.CONTEXTS_READ, Scope.CONTEXTS_WRITE, Scope.TEMPLATES_READ, Scope.MEDIA_READ],
    )
    write_private(key_file(), secret)
    return secret
